/**
 * Level sets of values over a grid, by marching squares (Lorensen and Cline 1987 in the plane). The function that is
 * drawn is linear along the edges of the grid's cells; inside a cell it is the bilinear interpolant, which decides at
 * a saddle which corners belong together (Nielson and Hamann 1991: the asymptotic decider). d3-contour is not used: it
 * always separates them, closes every line along the border, and shifts the grid by half a cell.
 */

/** In units of the grid's indices: (0, 0) is the first sample, (nx - 1, ny - 1) the last. */
export type IndexPoint = readonly [number, number];

export interface Grid {
  readonly nx: number;
  readonly ny: number;
  /** `values[i * ny + j]` at the index (i, j); all of them numbers. */
  readonly values: readonly number[];
}

export interface Isoline {
  /** Values at least the level lie to the left of the direction of travel. */
  readonly points: readonly IndexPoint[];
  /** The last point is joined to the first; otherwise both ends lie on the border. */
  readonly closed: boolean;
}

/** Where values equal `level`. A sample that equals it counts as above. */
export function isolines(grid: Grid, level: number): Isoline[] {
  return chains(grid.nx, grid.ny, (i, j) => grid.values[i * grid.ny + j]! - level);
}

/**
 * Closed rings around all points whose value is at least `level`, the border of the grid included: to be filled by
 * the non-zero rule. Successive levels give nested regions.
 */
export function regions(grid: Grid, level: number): IndexPoint[][] {
  const { nx, ny, values } = grid;
  const inside = (i: number, j: number): boolean => i >= 0 && j >= 0 && i < nx && j < ny;
  // A frame of lowest values around the grid closes the lines; its crossings are put on the border itself.
  const framed = chains(nx + 2, ny + 2, (i, j) =>
    inside(i - 1, j - 1) ? values[(i - 1) * ny + j - 1]! - level : -Infinity,
  );
  return framed.map(({ points }) =>
    withoutRepeats(
      points.map(
        ([u, v]): IndexPoint => [Math.min(nx - 1, Math.max(0, u - 1)), Math.min(ny - 1, Math.max(0, v - 1))],
      ),
    ),
  );
}

function withoutRepeats(points: readonly IndexPoint[]): IndexPoint[] {
  return points.filter(([u, v], i) => {
    const [a, b] = points[(i + points.length - 1) % points.length]!;
    return points.length < 2 || u !== a || v !== b;
  });
}

/**
 * Directed segments of all cells, joined at the edges' crossings. Each edge of the grid is crossed once at most, and
 * the segment that ends there in one cell goes on in the other.
 */
function chains(nx: number, ny: number, above: (i: number, j: number) => number): Isoline[] {
  const next = new Map<number, number>();
  const places = new Map<number, IndexPoint>();
  const horizontal = (i: number, j: number): number => 2 * (i * ny + j);
  const vertical = (i: number, j: number): number => 2 * (i * ny + j) + 1;
  const cross = (id: number, i: number, j: number, di: number, dj: number): number => {
    if (!places.has(id)) {
      const t = shareOf(above(i, j), above(i + di, j + dj));
      places.set(id, [i + t * di, j + t * dj]);
    }
    return id;
  };
  for (let i = 0; i + 1 < nx; i++) {
    for (let j = 0; j + 1 < ny; j++) {
      const [a, b, c, d] = [above(i, j), above(i + 1, j), above(i + 1, j + 1), above(i, j + 1)];
      const pattern = (a >= 0 ? 1 : 0) | (b >= 0 ? 2 : 0) | (c >= 0 ? 4 : 0) | (d >= 0 ? 8 : 0);
      if (pattern === 0 || pattern === 15) continue;
      const edge = [
        () => cross(horizontal(i, j), i, j, 1, 0),
        () => cross(vertical(i + 1, j), i + 1, j, 0, 1),
        () => cross(horizontal(i, j + 1), i, j + 1, 1, 0),
        () => cross(vertical(i, j), i, j, 0, 1),
      ] as const;
      // The value where the bilinear interpolant has its saddle: above the level, the two high corners meet.
      const joined = (pattern === 5 || pattern === 10) && (a * c - b * d) / (a + c - b - d) >= 0;
      const segments = joined ? joinedSaddles[pattern]! : table[pattern]!;
      for (const [from, to] of segments) next.set(edge[from]!(), edge[to]!());
    }
  }
  return linked(next, places);
}

type Segment = readonly [0 | 1 | 2 | 3, 0 | 1 | 2 | 3];

/**
 * Edges (0 lower, 1 right, 2 upper, 3 left) that are joined, with the high corners on the left, by the corners that
 * are high: bits 1, 2, 4, 8 from the lower left against the clock. The two saddles with their high corners apart.
 */
const table: readonly (readonly Segment[])[] = [
  [],
  [[0, 3]],
  [[1, 0]],
  [[1, 3]],
  [[2, 1]],
  [
    [0, 3],
    [2, 1],
  ],
  [[2, 0]],
  [[2, 3]],
  [[3, 2]],
  [[0, 2]],
  [
    [1, 0],
    [3, 2],
  ],
  [[1, 2]],
  [[3, 1]],
  [[0, 1]],
  [[3, 0]],
  [],
];
const joinedSaddles: Readonly<Record<number, readonly Segment[]>> = {
  5: [
    [0, 1],
    [2, 3],
  ],
  10: [
    [1, 2],
    [3, 0],
  ],
};

/** Where between two values of different sign zero lies; next to an infinite value at the finite one. */
function shareOf(from: number, to: number): number {
  if (from === -Infinity) return 1;
  if (to === -Infinity) return 0;
  return from / (from - to);
}

function linked(next: Map<number, number>, places: ReadonlyMap<number, IndexPoint>): Isoline[] {
  const ends = new Set(next.values());
  const lines: Isoline[] = [];
  const follow = (start: number): void => {
    const points: IndexPoint[] = [];
    let at: number | undefined = start;
    while (at !== undefined) {
      points.push(places.get(at)!);
      const to: number | undefined = next.get(at);
      next.delete(at);
      if (to === start) return void lines.push({ points, closed: true });
      at = to;
    }
    lines.push({ points, closed: false });
  };
  for (const start of [...next.keys()]) if (next.has(start) && !ends.has(start)) follow(start);
  for (const start of [...next.keys()]) if (next.has(start)) follow(start);
  return lines;
}
