/**
 * src/figure/ knows how a figure looks: it turns a description (this file) into a scene of lines and texts, and the
 * scene into SVG, PNG, PDF and HTML, the same bytes every time. It refuses to know where the numbers come from: no
 * curves artifact, no pipeline, no model; whoever draws (stages/render) says what is in each panel.
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
  /** Headings of the grid: above each column, and left of each row, turned upwards. */
  readonly columnTitles?: readonly string[];
  readonly rowTitles?: readonly string[];
  /** Set below the panels in the size of the labels. */
  readonly caption?: string;
  /** Set below the caption in small type: what was evaluated, what was left out. */
  readonly notes?: readonly string[];
  readonly panels: readonly Panel[];
  /** Of a figure that moves: what its panels show one after the other, on the same axes. `panels` are the last of them. */
  readonly frames?: readonly Frame[];
}

export interface Frame {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A frame with two axes, or a view of a surface in space. */
export type Panel = PlanePanel | SpacePanel;

interface AnyPanel {
  readonly title?: string;
  /** A few words in a corner of the frame: "clipped at 2.9". */
  readonly remark?: string;
}

export interface PlanePanel extends AnyPanel {
  readonly kind?: 'plane';
  readonly x: Axis;
  readonly y: Axis;
  /** Drawn in this order, reference lines below everything else. */
  readonly marks: readonly Mark[];
  /** Whether the labelled marks are listed in the emptiest corner of the frame, or in the figure's key. */
  readonly legend: boolean | 'key';
  /** A smaller panel inside the frame, in the corner that hides least of the marks. */
  readonly inset?: PlanePanel;
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Both ends in data units; left out, it fits the marks with a margin. */
  readonly domain?: readonly [number, number];
  /** Values that the fitted interval must reach as well. */
  readonly include?: readonly number[];
  /** Names of the places 0, 1, 2, … instead of numbers. */
  readonly categories?: readonly string[];
  /** Numbers of the axis are counts: none between them. */
  readonly whole?: true;
  /** False where a neighbour with the same domain has the numbers. */
  readonly numbered?: boolean;
}

export type Mark = LineMark | RuleMark | SurfaceMark | BarsMark | PointsMark | PathMark | SegmentsMark;

/** What a mark may say of itself. */
interface Named {
  readonly label?: string;
  /** Position in the palette; past its end the dash pattern changes. */
  readonly style: number;
  /** Which input brought it, for the interactive form: `panels[0]`. */
  readonly source?: string;
}

/** A curve through (x[i], y[i]). Samples that are null leave a gap and a small triangle at the frame's top edge. */
export interface LineMark extends Named {
  readonly type: 'line';
  readonly x: readonly number[];
  readonly y: readonly Sample[];
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
  /** Of a horizontal line: the key names it, not the frame. */
  readonly inKey?: true;
}

/** The perturbed model, the model a direction points at, a value to compare with. */
export type RuleRole = 'model' | 'target' | 'level';

export const surfaceForms = ['filled', 'contours', 'heat'] as const;

/** Values over a grid in the plane. */
export interface SurfaceMark {
  readonly type: 'surface';
  /** Filled contours with a colour bar, labelled contour lines, or a cell a sample with a colour bar. */
  readonly form: (typeof surfaceForms)[number];
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** `values[i * y.length + j]` belongs to (x[i], y[j]). */
  readonly values: readonly Sample[];
  readonly scale: 'linear' | 'log';
  readonly map: ColourMap;
  /** Label of the colour bar. */
  readonly label: string;
  /** Values above are drawn as this one. */
  readonly cap?: number;
  /** Both ends of the colours where panels share them. */
  readonly domain?: readonly [number, number];
  readonly source?: string;
  /** Points of the plane that are marked: the model at the origin. */
  readonly points: readonly MarkedPoint[];
}

export interface MarkedPoint {
  readonly x: number;
  readonly y: number;
  readonly role: RuleRole;
  readonly label: string;
}

/** Bars from `from[i]` to `to[i]` on the x axis, standing on zero (log: on the frame). A histogram's have no gaps. */
export interface BarsMark extends Named {
  readonly type: 'bars';
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly height: readonly Sample[];
}

/** Single points; `tick` is a short upright stroke on the frame's lower edge. */
export interface PointsMark extends Named {
  readonly type: 'points';
  readonly x: readonly number[];
  readonly y: readonly Sample[];
  readonly shape: 'dot' | 'ring' | 'tick';
}

/** A way through the plane from its first to its last point, with an edge of paper, so that it shows on colours. */
export interface PathMark extends Named {
  readonly type: 'path';
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Several short curves that belong together: the parabolas that a curve is compared with. */
export interface SegmentsMark extends Named {
  readonly type: 'segments';
  readonly pieces: readonly { readonly x: readonly number[]; readonly y: readonly Sample[] }[];
}

/** A surface over a plane, seen from above at an angle, with the parts in front hiding those behind. */
export interface SpacePanel extends AnyPanel {
  readonly kind: 'space';
  readonly x: Axis;
  readonly y: Axis;
  readonly z: Axis;
  readonly surface: SpaceSurface;
  readonly view: View;
}

export interface SpaceSurface {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** As a `SurfaceMark` has them. */
  readonly values: readonly Sample[];
  readonly map: ColourMap;
  /** The surface is cut open at this height. */
  readonly cap?: number;
  readonly points: readonly MarkedPoint[];
  readonly source?: string;
}

/** Degrees: the direction to the viewer, against the clock from the x axis, and above the floor (0 to 90). */
export interface View {
  readonly azimuth: number;
  readonly elevation: number;
}

export const colourMaps = ['viridis', 'cividis', 'magma', 'inferno', 'plasma'] as const;
export type ColourMap = (typeof colourMaps)[number];
