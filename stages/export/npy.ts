/**
 * A NumPy array file, format version 1.0 (numpy.lib.format): float64, little endian, C order.
 * @param shape its product is the number of values.
 */
export function npyOf(values: readonly number[], shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '<f8', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(length, 8);
  const data = Buffer.alloc(values.length * 8);
  for (const [i, value] of values.entries()) data.writeDoubleLE(value, i * 8);
  return Buffer.concat([head, Buffer.from(`${dictionary.padEnd(length - 1)}\n`, 'latin1'), data]);
}
