import { parseHTML } from 'linkedom';

/** Points of the page, as a browser has it without scrolling and at its natural size. */
class Point {
  readonly x: number;
  readonly y: number;
  constructor(x = 0, y = 0) {
    [this.x, this.y] = [x, y];
  }
  matrixTransform(): Point {
    return this;
  }
}

/**
 * An HTML figure as a browser would have opened it: its markup as a document, and its own program run in it. What
 * linkedom lacks and the program needs is here: places (a point of the screen is one of the page), text widths, frames.
 */
export class Page {
  readonly document: Document;
  readonly captured: number[] = [];
  readonly #window: Window & typeof globalThis;
  #frames: (() => void)[] = [];

  constructor(html: string) {
    const { document, window } = parseHTML(html) as unknown as {
      document: Document;
      window: Window & typeof globalThis;
    };
    this.document = document;
    this.#window = window;
    const make = document.createElement.bind(document);
    const child = (element: HTMLElement, tag: string): HTMLElement => {
      const made = make(tag);
      element.append(made);
      return made;
    };
    Object.assign(document, {
      createElement: (tag: string) => {
        const element = make(tag);
        if (tag === 'canvas')
          Object.assign(element, {
            getContext: () => ({ measureText: (text: string) => ({ width: 6 * text.length }) }),
          });
        if (tag === 'table')
          Object.assign(element, {
            insertRow: () => {
              const row = child(element, 'tr');
              return Object.assign(row, { insertCell: () => child(row, 'td') });
            },
          });
        return element;
      },
    });
    Object.assign(this.svg, {
      getScreenCTM: () => ({ inverse: () => ({}) }),
      setPointerCapture: (id: number) => this.captured.push(id),
    });
    // Where a tag ends by itself depends on the element around it.
    const { svg } = this;
    Object.defineProperty(svg, 'innerHTML', {
      set: (text: string) =>
        svg.replaceChildren(
          ...parseHTML(`<body><svg>${text}</svg></body>`).document.querySelector('svg')!.childNodes,
        ),
    });
    const program = document.querySelectorAll('script:not([type])');
    if (program.length !== 1) throw new Error(`a page with ${program.length} programs`);
    Object.assign(document.documentElement, { clientWidth: 1000, clientHeight: 800 });
    const globals = {
      document,
      window,
      DOMPoint: Point,
      requestAnimationFrame: (f: () => void) => this.#frames.push(f),
    };
    new Function(...Object.keys(globals), program[0]!.textContent!)(...Object.values(globals));
  }

  get svg(): SVGSVGElement {
    return this.document.querySelector('#drawing svg')!;
  }

  element(selector: string): HTMLElement {
    return this.document.querySelector(selector)!;
  }

  /** @returns whether the program kept the browser from doing what it does by itself. */
  fire(target: Element, type: string, given: object = {}): boolean {
    const event = new this.#window.Event(type, { bubbles: true, cancelable: true });
    target.dispatchEvent(Object.assign(event, given));
    return event.defaultPrevented;
  }

  pointer(type: string, x: number, y: number, more: object = {}): boolean {
    return this.fire(this.svg, type, { clientX: x, clientY: y, pointerId: 1, button: 0, ...more });
  }

  /** Draws what waits for the next frame. */
  draw(): void {
    const frames = this.#frames;
    this.#frames = [];
    for (const frame of frames) frame();
  }
}
