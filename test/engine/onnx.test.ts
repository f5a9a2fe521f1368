import { engineContract } from './contract.ts';

engineContract('onnx');
