import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flattened } from '../../src/network/hessian.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { packageRoot } from '../../src/util/package-root.ts';

/**
 * What PyTorch computes in float64 from parameters, statistics and vectors: `reference.py`.
 * @param network a ResNet's depth, or `mlp`.
 */
export async function reference(
  network: string,
  what: string,
  given: readonly ParameterVector[],
): Promise<Float64Array> {
  const folder = mkdtempSync(join(tmpdir(), 'orograph-reference-'));
  try {
    const [input, output] = [join(folder, 'given'), join(folder, 'found')];
    writeFileSync(input, Buffer.concat(given.map((vector) => Buffer.from(turned(vector).buffer))));
    const program = join(packageRoot(), 'bench', 'numerics', 'reference.py');
    execFileSync('/usr/bin/python3', [program, network, what, input, output], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Float64Array(Uint8Array.from(readFileSync(output)).buffer);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As PyTorch orders numbers: kernels out, in, rows, columns; dense layers out, in. */
export function turned(vector: ParameterVector): Float32Array {
  return flattened(
    vector.map((tensor) => {
      const { shape, values } = tensor;
      if (shape.length < 2) return tensor;
      const out = shape.at(-1)!;
      const from = shape.at(-2)!;
      const taps = values.length / (from * out);
      const result = new Float32Array(values.length);
      for (let t = 0; t < taps; t++)
        for (let i = 0; i < from; i++)
          for (let o = 0; o < out; o++) result[(o * from + i) * taps + t] = values[(t * from + i) * out + o]!;
      return { ...tensor, values: result };
    }),
  );
}
