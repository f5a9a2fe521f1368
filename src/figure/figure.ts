/**
 * src/figure/ knows how a figure looks: it turns a description (this file) into a scene of lines and texts, and the
 * scene into SVG, PNG and PDF, the same bytes every time. It refuses to know where the numbers come from: no curves
 * artifact, no pipeline, no model; whoever draws (stages/render) says what is in each panel.
 *
 * A figure is plain data that survives JSON. Lengths are points (1/72 inch). Texts may hold mathematics between
 * dollar signs, see `math-text.ts`.
 */

/** A sample that may be missing: null is a value that is not finite. JSON knows no NaN. */
export type Sample = number | null;

export interface Figure {
  /** Points: 3.3 in are 237.6. The height follows from the panels. */
  readonly width: number;
  /** The panels' frames: their height in points, or height over width. */
  readonly frame: { readonly height: number } | { readonly aspect: number };
  readonly columns: number;
  readonly title?: string;
  /** Set below the panels in the size of the labels. */
  readonly caption?: string;
  /** Set below the caption in small type: what was evaluated, what was left out. */
  readonly notes?: readonly string[];
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  /** Drawn in this order, reference lines below everything else. */
  readonly marks: readonly Mark[];
  /** Whether the labelled lines are listed in the emptiest corner of the frame. */
  readonly legend: boolean;
  /** A few words in a corner of the frame: "clipped at 2.9". */
  readonly remark?: string;
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Both ends in data units; left out, it fits the marks with a margin. */
  readonly domain?: readonly [number, number];
  /** Values that the fitted interval must reach as well. */
  readonly include?: readonly number[];
}

export type Mark = LineMark | RuleMark | SurfaceMark;

/** A curve through (x[i], y[i]). Samples that are null leave a gap and a small triangle at the frame's top edge. */
export interface LineMark {
  readonly type: 'line';
  readonly x: readonly number[];
  readonly y: readonly Sample[];
  readonly label?: string;
  /** Position in the palette; past its end the dash pattern changes. */
  readonly style: number;
}

/** A straight line through the whole frame that means something: a model, a target, log C. */
export interface RuleMark {
  readonly type: 'rule';
  /** The axis on which `at` is measured: `x` gives a vertical line. */
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly role: RuleRole;
  /** Of a horizontal line, set outside the frame at its right end; of a vertical one, in the figure's key. */
  readonly label: string;
}

/** The perturbed model, the model a direction points at, a value to compare with. */
export type RuleRole = 'model' | 'target' | 'level';

/** Values over a grid, as filled contours with a colour bar. */
export interface SurfaceMark {
  readonly type: 'surface';
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** `values[i * y.length + j]` belongs to (x[i], y[j]). */
  readonly values: readonly Sample[];
  readonly scale: 'linear' | 'log';
  readonly map: ColourMap;
  /** Label of the colour bar. */
  readonly label: string;
  /** Contour lines as well as fills. */
  readonly lines: boolean;
  /** Values above are drawn as this one. */
  readonly cap?: number;
  /** Points of the plane that are marked: the model at the origin. */
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly role: RuleRole;
    readonly label: string;
  }[];
}

export const colourMaps = ['viridis', 'cividis', 'magma'] as const;
export type ColourMap = (typeof colourMaps)[number];
