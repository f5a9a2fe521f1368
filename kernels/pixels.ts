/** What bytes stand for. AssemblyScript; `npm run kernels` compiles it. */

/**
 * Bytes as the numbers that a table has for them, channel after channel.
 * @param out float32 [rows][channels][plane].
 * @param bytes [rows][channels][plane], or [rows][plane][channels] where `interleaved`.
 * @param table float32 [channels][256].
 */
export function pixels(
  out: usize,
  bytes: usize,
  rows: i32,
  channels: i32,
  plane: i32,
  table: usize,
  interleaved: bool,
): void {
  const step: usize = interleaved ? <usize>channels : 1;
  const next: usize = interleaved ? 1 : <usize>plane;
  const length = <usize>(channels * plane);
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      const meaning = table + ((<usize>channel) << 10);
      const end = out + ((<usize>plane) << 2);
      for (let from = bytes + <usize>channel * next; out < end; from += step) {
        f32.store(out, f32.load(meaning + ((<usize>load<u8>(from)) << 2)));
        out += 4;
      }
    }
    bytes += length;
  }
}
