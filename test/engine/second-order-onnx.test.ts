import { secondOrderContract } from './second-order.ts';

secondOrderContract('onnx');
