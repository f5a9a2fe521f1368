import type { FactTypes } from '../../src/kind/fact-types.ts';
import type { Category } from './category.ts';

/** The category of curves that have several is `mixed`. Spelled out: code that `facts` loads late is in no key. */
const categories: Readonly<Record<Category | 'mixed', true>> = {
  'v-basin': true,
  'v-side': true,
  'w-basin': true,
  'w-peak': true,
  'w-side': true,
  'vvv-basin': true,
  'open w-basin': true,
  'open w-peak': true,
  flat: true,
  chaotic: true,
  other: true,
  mixed: true,
};

/** Of the facts that `summarise` gives, and `more`. Called as pure, so that it is in no key either. */
export function summaryTypes(more: FactTypes = {}): FactTypes {
  return {
    category: Object.keys(categories),
    categories: 'any',
    'stationary-points': 'number',
    notes: 'text',
    ...more,
  };
}
