/** The few pieces of the protobuf wire format that a model needs: varints, strings, bytes and nested messages. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  #push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  #head(field: number, wireType: 0 | 2): void {
    this.#push(varint(field * 8 + wireType));
  }

  /** A whole number, possibly negative (two's complement in 64 bits). */
  int(field: number, value: number): this {
    this.#head(field, 0);
    this.#push(varint(value));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#head(field, 2);
    this.#push(varint(value.length));
    this.#push(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    this.#push(varint(field * 8 + 5));
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  message(field: number, value: Message): this {
    this.#head(field, 2);
    this.#push(varint(value.#length));
    for (const part of value.#parts) this.#push(part);
    return this;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function varint(value: number): Uint8Array {
  if (value >= 0 && value < 128) return Uint8Array.of(value);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
