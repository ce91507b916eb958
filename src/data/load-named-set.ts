// A name → images: from the user's folder, else from a cache, else downloaded into the cache. Files are checked
// against the checksums of named-sets.ts before anything is parsed or stored. Knows no file system and no
// network: readers, writers and the download are handed in (cli/).

import { sha256 } from '../base/digest.ts';
import { assertNever, messageOf, throwFaults, UsageError } from '../base/errors.ts';
import { decompressed, type NamedBytes, readTar } from './archive.ts';
import { parseCifar10 } from './cifar10.ts';
import { parseIdxSet } from './idx.ts';
import { type DataSplit, dataSplit } from './image-set.ts';
import { type FileSet, isNamedSet, type NamedFile, namedSets, type StoredFiles } from './named-sets.ts';

/** A place that holds files by path, with `/` between its parts. */
export type FileSource = {
  /** The content, or undefined if there is no such file. */
  readonly read: (name: string) => Promise<Uint8Array | undefined>;
  /** Stores a file whole or not at all; absent if the place is read-only. */
  readonly write?: (name: string, bytes: Uint8Array) => Promise<void>;
  /** What errors call it: `folder /data`. */
  readonly describe: string;
};

/** Fetches what is at an address; fails after `most` bytes. */
export type Download = (url: string, most: number) => Promise<Uint8Array>;

/** One step of loading is about to start: file `done` + 1 of `total`. */
export type LoadProgress = {
  readonly step: 'read' | 'download' | 'generate';
  readonly file: string;
  readonly done: number;
  readonly total: number;
};

/** Where a named set may come from. */
export type NamedSetSources = {
  /** The user's folder. If given, it must hold the set: there is no fallback. */
  readonly folder?: FileSource | undefined;
  readonly cache?: FileSource | undefined;
  /** Fetches what is at an address, and stops after `most` bytes. */
  readonly download?: Download | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
};

/**
 * Loads a data set by its name, whole and in official order.
 *
 * @throws UsageError if the name is unknown; files are missing, of another checksum or malformed; or the download
 *   fails
 */
export async function loadNamedSet(name: string, sources: NamedSetSources = {}): Promise<DataSplit> {
  if (!isNamedSet(name)) {
    throw new UsageError(
      `data set: expected one of ${Object.keys(namedSets).join(', ')}, got "${name}"; choose one of these`,
    );
  }
  const set = namedSets[name];
  switch (set.kind) {
    case 'generated':
      sources.onProgress?.({ step: 'generate', file: name, done: 0, total: 1 });
      return set.generate();
    case 'cifar10':
    case 'idx':
      return loadFileSet(name, set, sources);
    default:
      return assertNever(set);
  }
}

/** Loads a set that consists of files; what `loadNamedSet` does once it knows the files. Throws the same. */
export async function loadFileSet(
  name: string,
  set: FileSet,
  sources: NamedSetSources = {},
): Promise<DataSplit> {
  return parseSplit(name, set, await loadFiles(name, set, sources));
}

async function parseSplit(name: string, set: FileSet, files: readonly NamedBytes[]): Promise<DataSplit> {
  switch (set.kind) {
    case 'cifar10':
      return dataSplit(
        parseCifar10(`${name} train`, files.slice(0, -1)),
        parseCifar10(`${name} test`, files.slice(-1)),
        set.augmentation,
      );
    case 'idx': {
      const [trainImages, trainLabels, testImages, testLabels] = files as readonly [
        NamedBytes,
        NamedBytes,
        NamedBytes,
        NamedBytes,
      ];
      return dataSplit(
        await parseIdxSet(`${name} train`, set.classNames, { images: trainImages, labels: trainLabels }),
        await parseIdxSet(`${name} test`, set.classNames, { images: testImages, labels: testLabels }),
        set.augmentation,
      );
    }
    default:
      return assertNever(set.kind);
  }
}

/** The files of a set in the table's order, checked; from a folder, a cache or a download. */
export async function loadFiles(
  name: string,
  set: StoredFiles,
  sources: NamedSetSources,
): Promise<NamedBytes[]> {
  const { folder, cache, download } = sources;
  const remedy =
    'pass --data FOLDER or set OHMIC_DATA to a folder that holds the files directly or in ' +
    set.folders.map((path) => `${path}/`).join(' or ');
  const place = folder ?? cache;
  const found = place ? await findFiles(set, place, sources) : new Map<string, NamedBytes>();
  const missing = set.files.filter((file) => !found.has(file.name));
  const { origin } = set;
  if (missing.length > 0 && (folder || !download || origin.kind === 'by hand')) {
    const where = place ? `in ${place.describe}` : 'as neither a folder nor a download is at hand';
    const unpacked = originHint(origin);
    throw new UsageError(
      `data set ${name}: missing ${missing.map((file) => file.name).join(', ')} ${where}; ${remedy}${unpacked}`,
    );
  }
  const faults = await checksumFaults(set.files, found);
  const hint = folder
    ? 'replace them by the official files'
    : 'delete them, and they are downloaded again at the next start';
  throwFaults(`data set ${name}: wrong files, ${hint}`, faults);
  if (missing.length > 0 && download && origin.kind !== 'by hand') {
    for (const file of await downloadFiles(name, { ...set, origin }, missing, {
      ...sources,
      download,
      remedy,
    })) {
      found.set(baseName(file.name), file);
      await cache?.write?.(`${set.folders[0]}/${baseName(file.name)}`, file.bytes);
    }
  }
  return set.files.map((file) => found.get(file.name)!);
}

/** What to do to get the files of an origin that is no plain download. */
function originHint(origin: StoredFiles['origin']): string {
  switch (origin.kind) {
    case 'files':
      return '';
    case 'archive':
      return ` (unpack ${origin.address})`;
    case 'by hand':
      return ` (${origin.how})`;
    default:
      return assertNever(origin);
  }
}

/** A set whose origin can be downloaded. */
type DownloadableFiles = StoredFiles & {
  readonly origin: Exclude<StoredFiles['origin'], { readonly kind: 'by hand' }>;
};

/** The files that `place` holds, by their name in the table. */
async function findFiles(
  set: StoredFiles,
  place: FileSource,
  { onProgress }: NamedSetSources,
): Promise<Map<string, NamedBytes>> {
  const found = new Map<string, NamedBytes>();
  for (const [done, file] of set.files.entries()) {
    onProgress?.({ step: 'read', file: file.name, done, total: set.files.length });
    for (const path of pathsOf(set, file)) {
      const bytes = await place.read(path);
      if (bytes) {
        found.set(file.name, { name: `${path} in ${place.describe}`, bytes });
        break;
      }
    }
  }
  return found;
}

/** Paths at which a file may lie; a file whose content is hashed may also be stored uncompressed. */
function pathsOf(set: StoredFiles, file: NamedFile): string[] {
  const names = file.hashed === 'decompressed' ? [file.name, file.name.replace(/\.gz$/, '')] : [file.name];
  return ['', ...set.folders.map((path) => `${path}/`)].flatMap((path) => names.map((name) => path + name));
}

async function checksumFaults(
  files: readonly NamedFile[],
  found: ReadonlyMap<string, NamedBytes>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const file of files) {
    const held = found.get(file.name);
    if (held) {
      const content =
        file.hashed === 'decompressed' ? await decompressed(held.name, held.bytes, file.bytes) : held.bytes;
      const came = await sha256(content);
      if (came !== file.sha256) {
        faults.push(`${held.name}: expected SHA-256 ${file.sha256}, got ${came} (${content.length} bytes)`);
      }
    }
  }
  return faults;
}

/** Bytes that a tar archive of a set may hold beside its files: headers, a licence, names of classes. */
const ARCHIVE_EXTRA = 1 << 20;
/** Bytes by which gzip may lengthen what it can't pack. */
const GZIP_EXTRA = 1 << 16;

type Downloading = NamedSetSources & {
  readonly download: Download;
  readonly remedy: string;
};

/** The files `wanted`, downloaded and checked. */
async function downloadFiles(
  name: string,
  set: DownloadableFiles,
  wanted: readonly NamedFile[],
  { download, onProgress, remedy }: Downloading,
): Promise<NamedBytes[]> {
  const { origin } = set;
  const files: NamedBytes[] = [];
  if (origin.kind === 'archive') {
    onProgress?.({ step: 'download', file: baseName(origin.address), done: 0, total: 1 });
    const most = set.files.reduce((sum, { bytes }) => sum + bytes, ARCHIVE_EXTRA);
    const packed = await fetchFrom(name, [origin.address], most, { download, remedy });
    const members = readTar(packed.name, await decompressed(packed.name, packed.bytes, most));
    for (const file of wanted) {
      const bytes = members.get(`${origin.folder}/${file.name}`);
      if (!bytes) {
        throw new UsageError(
          `data set ${name}: expected ${origin.folder}/${file.name} in ${origin.address}, ` +
            `got ${[...members.keys()].join(', ')}; ${remedy}`,
        );
      }
      files.push({ name: `${origin.address}/${file.name}`, bytes });
    }
  } else {
    for (const [done, file] of wanted.entries()) {
      onProgress?.({ step: 'download', file: file.name, done, total: wanted.length });
      const addresses = origin.addresses.map((address) => address + file.name);
      files.push(await fetchFrom(name, addresses, file.bytes + GZIP_EXTRA, { download, remedy }));
    }
  }
  const faults = await checksumFaults(wanted, new Map(files.map((file) => [baseName(file.name), file])));
  throwFaults(`data set ${name}: wrong download, try again later or ${remedy}`, faults);
  return files;
}

/** The first of `addresses` that answers. */
async function fetchFrom(
  name: string,
  addresses: readonly string[],
  most: number,
  { download, remedy }: Pick<Downloading, 'download' | 'remedy'>,
): Promise<NamedBytes> {
  const failures: string[] = [];
  for (const address of addresses) {
    try {
      return { name: address, bytes: await download(address, most) };
    } catch (thrown) {
      failures.push(`${address} failed: ${messageOf(thrown)}`);
    }
  }
  throw new UsageError(`data set ${name}: ${failures.join('; ')}; check the network or ${remedy}`);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
