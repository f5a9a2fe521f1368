import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A folder with files, of which a test disposes. */
export class TestFolder {
  readonly folder: string;

  /** @param prefix its place, and the beginning of its name */
  constructor(prefix: string, files: Readonly<Record<string, string>>) {
    this.folder = mkdtempSync(prefix);
    this.write(files);
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), text);
    }
  }

  read(...names: string[]): string {
    return readFileSync(this.path(...names), 'utf8');
  }

  /** Removes the folder; call it after each test. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
