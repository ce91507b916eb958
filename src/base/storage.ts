// Where the stages of an experiment keep their files, by name: a folder on Node (node/folder-storage.ts), memory in a
// page, in tests and in scripts that keep nothing.

/** A place that holds files by name, with `/` between the parts of a name. */
export type Storage = {
  /** The content; undefined if there is no such file. */
  readonly read: (name: string) => Promise<Uint8Array | undefined>;
  /** Writes a file whole or not at all. */
  readonly write: (name: string, content: Uint8Array | string) => Promise<void>;
  readonly exists: (name: string) => Promise<boolean>;
  /** Removes a file; nothing happens if there is none. */
  readonly remove: (name: string) => Promise<void>;
  /** What errors call a file: `runs/first/weights.safetensors`. */
  readonly describe: (name: string) => string;
};

/** A storage that lasts as long as the value. What was written is copied, so callers may use their arrays again. */
export function memoryStorage(label = 'memory'): Storage {
  const files = new Map<string, Uint8Array>();
  return {
    read: async (name) => files.get(name)?.slice(),
    write: async (name, content) => {
      files.set(name, typeof content === 'string' ? new TextEncoder().encode(content) : content.slice());
    },
    exists: async (name) => files.has(name),
    remove: async (name) => void files.delete(name),
    describe: (name) => `${label}/${name}`,
  };
}

/** The part of a storage whose names begin with a folder: one for each stage of an experiment. */
export function storageWithin(storage: Storage, folder: string): Storage {
  const inside = (name: string): string => `${folder}/${name}`;
  return {
    read: (name) => storage.read(inside(name)),
    write: (name, content) => storage.write(inside(name), content),
    exists: (name) => storage.exists(inside(name)),
    remove: (name) => storage.remove(inside(name)),
    describe: (name) => storage.describe(inside(name)),
  };
}
