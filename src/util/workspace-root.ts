let root: string | undefined;

/** Says in which workspace this process works: for what lies there but is named by something that was made there. */
export function setWorkspaceRoot(path: string): void {
  root = path;
}

/** The workspace of this process; the current folder where nothing else was said. */
export function workspaceRoot(): string {
  return root ?? process.cwd();
}
