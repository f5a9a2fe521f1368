/** The name, or the first of `name-2`, `name-3`, … that is not taken. */
export function freeName(name: string, taken: (name: string) => boolean): string {
  let free = name;
  for (let k = 2; taken(free); k++) free = `${name}-${k}`;
  return free;
}

/**
 * Names for files of one folder, or for what stands in one group of an HDF5 file: no two are the same, also where upper
 * and lower case are. A slash would be a folder or a group inside, and `.` or nothing is no name.
 */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((given) => {
    const plain = given.replaceAll(/[/\\\0]/gu, '-');
    const name = freeName(plain === '' || plain === '.' ? '-' : plain, (one) => taken.has(one.toLowerCase()));
    taken.add(name.toLowerCase());
    return name;
  });
}
