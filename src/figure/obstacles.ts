import { placeCurve } from './curves.ts';
import type { PlanePanel } from './figure.ts';
import { placing } from './marks.ts';
import type { Scale } from './scale.ts';
import type { Box } from './scene.ts';

type Place = readonly [number, number];

/** Points along all marks of a panel, close together: what a legend must not hide. Surfaces fill everything. */
export function obstaclesOf(panel: PlanePanel, frame: Box, x: Scale, y: Scale): Place[] {
  const place = placing(frame, x, y);
  return panel.marks.flatMap((mark): Place[] => {
    switch (mark.type) {
      case 'line': {
        const curve = placeCurve(mark, frame, x, y);
        return [
          ...curve.pieces.flatMap(alongLine),
          ...curve.above.map((left): Place => [left, frame.y + 3]),
          ...curve.below.map((left): Place => [left, frame.y + frame.height - 3]),
        ];
      }
      case 'bars':
        return mark.height.flatMap((height, i) => {
          if (height === null) return [];
          const [left, top] = place(mark.from[i]!, y.kind === 'log' ? Math.max(height, y.domain[0]) : height);
          const [right] = place(mark.to[i]!, y.domain[0]);
          const bottom = frame.y + frame.height;
          return [left, (left + right) / 2, right].flatMap((at) =>
            alongLine([
              [at, Math.min(top, bottom)],
              [at, bottom],
            ]),
          );
        });
      case 'points':
        return mark.y.flatMap((value, i): Place[] =>
          mark.shape === 'tick'
            ? [[place(mark.x[i]!, y.domain[0])[0], frame.y + frame.height - 3]]
            : value === null
              ? []
              : [place(mark.x[i]!, value)],
        );
      case 'path':
        return alongLine(mark.x.map((at, i) => place(at, mark.y[i]!)));
      case 'segments':
        return mark.pieces.flatMap((piece) =>
          alongLine(piece.x.flatMap((at, i) => (piece.y[i] === null ? [] : [place(at, piece.y[i]!)]))),
        );
      default:
        return [];
    }
  });
}

/** Points along the reference lines. */
export function ruleObstacles(panel: PlanePanel, frame: Box, x: Scale, y: Scale): Place[] {
  return panel.marks.flatMap((rule) => {
    if (rule.type !== 'rule') return [];
    const share = rule.axis === 'x' ? x.at(rule.at) : y.at(rule.at);
    const [left, top] = [frame.x + share * frame.width, frame.y + (1 - share) * frame.height];
    return rule.axis === 'x'
      ? alongLine([
          [left, frame.y],
          [left, frame.y + frame.height],
        ])
      : alongLine([
          [frame.x, top],
          [frame.x + frame.width, top],
        ]);
  });
}

/** Points along a line, at most two points of the page apart, for finding a place that it leaves free. */
function alongLine(piece: readonly Place[]): Place[] {
  return piece.flatMap(([x, y], i): Place[] => {
    const next = piece[i + 1];
    if (!next) return [[x, y]];
    const steps = Math.min(500, Math.max(1, Math.ceil(Math.hypot(next[0] - x, next[1] - y) / 2)));
    return Array.from(
      { length: steps },
      (_, k): Place => [x + ((next[0] - x) * k) / steps, y + ((next[1] - y) * k) / steps],
    );
  });
}
