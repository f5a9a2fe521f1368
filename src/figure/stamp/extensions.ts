/** File name extensions of the formats that can hold a text. Light to import: every run asks. */
export const stampable = ['.svg', '.png', '.pdf', '.html'] as const;

export const canStamp = (extension: string): boolean => (stampable as readonly string[]).includes(extension);

/** Raised when the same text would give other bytes. */
export const stampVersion = 1;
