import { engineContract } from './contract.ts';

engineContract('wasm');
