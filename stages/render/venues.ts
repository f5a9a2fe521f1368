/**
 * Widths of columns in inches, as the venues' own style files and author guides set them (2024). A figure is drawn at
 * its printed size, so that its letters have the size that they have on paper.
 */
export const venues = {
  'single-column': 3.3,
  'double-column': 6.9,
  'icml-column': 3.25,
  'icml-page': 6.75,
  'neurips-page': 5.5,
  'iclr-page': 5.5,
  'cvpr-column': 3.25,
  'cvpr-page': 6.875,
  'eccv-page': 4.8,
  'aaai-column': 3.3,
  'aaai-page': 7,
  'acl-column': 3.03,
  'acl-page': 6.3,
  'ieee-column': 3.5,
  'ieee-page': 7.16,
  'acm-column': 3.33,
  'acm-page': 7,
  'jmlr-page': 6,
  'nature-single': 3.5,
  'nature-double': 7.2,
  'science-single': 2.24,
  'science-double': 4.76,
} as const satisfies Readonly<Record<string, number>>;

export type Venue = keyof typeof venues;
export const venueNames = Object.keys(venues) as Venue[];
