import { expect, it } from 'vitest';
import { type GalleryPipeline, galleryMarkdown, galleryPage } from '../../src/cli/gallery.ts';

const claim = (stage: string, held: boolean, actual = 'v-basin') => ({
  stage,
  fact: 'category',
  expected: 'v-basin',
  actual,
  held,
});
const pipeline: GalleryPipeline = {
  name: 'p',
  title: 'P',
  profile: null,
  wallMs: 1000,
  figures: [],
  claims: [
    claim('along[net=a]', true),
    claim('along[net=b]', true),
    claim('across[net=a]', true),
    claim('across[net=b]', false, 'v-side'),
    claim('across[net=c]', false, 'v-side'),
    claim('across[net=d]', false, 'flat'),
    claim('alone', false, 'flat'),
  ],
};

it('claims of the instances of a stage that came out alike are one line', () => {
  const lines = galleryMarkdown([pipeline], () => undefined)
    .split('\n')
    .filter((line) => line.startsWith('- '));
  expect(lines).toEqual([
    '- held: along (all 2): category is v-basin',
    '- held: across[net=a]: category is v-basin',
    '- **missed**: across (2 of 4: [net=b] [net=c]): category was to be v-basin, is v-side',
    '- **missed**: across[net=d]: category was to be v-basin, is flat',
    '- **missed**: alone: category was to be v-basin, is flat',
  ]);
  const page = galleryPage([pipeline]);
  expect(page).toContain('3 of 7 claims held');
  expect(page.match(/<li class="missed">/g)).toHaveLength(3);
});
