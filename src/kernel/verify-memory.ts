// What a kernel may do to memory. Addresses lie inside scratch memory and not below a buffer's beginning; a load that
// may be moved meets no store to its element before it; a fixed load reads only what the chunk has stored; chunks do
// not write, or load and write, one element.

import {
  type Access,
  canMeet,
  firstElements,
  type Guard,
  isUnreachable,
  iterationsBefore,
  type Loop,
  touchedElements,
} from './access.ts';
import { dependsOn, type Int, plus, substitute, times } from './int.ts';
import { type Interval, isCovered, joined } from './interval.ts';
import { type Kernel, type Local, operandsOf, SCRATCH, type Statement } from './kernel.ts';

/** An access with the statement that makes it. */
export type PlacedAccess = Access & {
  readonly statement: Extract<Statement, { kind: 'load' | 'store' | 'loadAt' | 'storeAt' }>;
  /** True for loads that read what the chunk has stored. */
  readonly isFixed: boolean;
  /** True if data decide whether it is reached. */
  readonly isConditional: boolean;
};

/** Every load and store of a kernel that some iteration reaches, in the order of the text. */
export function accessesOf(kernel: Kernel): PlacedAccess[] {
  const used = usedLanes(kernel);
  const needed = guardsOfUse(kernel.body);
  const found: PlacedAccess[] = [];
  const visit = (
    statements: readonly Statement[],
    loops: readonly Loop[],
    guards: readonly Guard[],
    isConditional: boolean,
  ): void => {
    for (const s of statements) {
      if (s.kind === 'for') visit(s.body, [...loops, s], guards, isConditional);
      else if (s.kind === 'if') visit(s.body, loops, [...guards, s], isConditional);
      else if (s.kind === 'ifAny') visit(s.body, loops, guards, true);
      else if (s.kind === 'load' || s.kind === 'store' || s.kind === 'loadAt' || s.kind === 'storeAt') {
        // A load may stand outside the guard of those who use it; elsewhere its value counts for nothing.
        const all = 'target' in s ? union(guards, needed.get(s.target) ?? []) : guards;
        const access = { ...spanOf(kernel, s, used), order: found.length, loops, guards: all, isConditional };
        if (!isUnreachable(access)) found.push(access);
      }
    }
  };
  visit(kernel.body, [], [], false);
  return found;
}

function spanOf(
  { lanes }: Kernel,
  s: PlacedAccess['statement'],
  used: readonly number[],
): Omit<PlacedAccess, 'order' | 'loops' | 'guards' | 'isConditional'> {
  const { buffer, index } = s;
  const place = { buffer, index, statement: s, ...('reach' in s && { reach: s.reach }) };
  if (s.kind === 'store' || s.kind === 'storeAt') {
    const width = s.kind === 'storeAt' || s.mode === 'vector' ? s.count : 1;
    return { ...place, kind: 'store', width, lanes: s.count, isFixed: false };
  }
  const width = s.mode === 'vector' ? lanes : 1;
  const isFixed = buffer === SCRATCH || s.isFixed === true;
  return { ...place, kind: 'load', width, lanes: used[s.target] ?? 0, isFixed };
}

/** For each value the guards that are around all of its uses. */
function guardsOfUse(body: readonly Statement[]): Map<Local, readonly Guard[]> {
  const needed = new Map<Local, readonly Guard[]>();
  const use = (local: Local, guards: readonly Guard[]): void => {
    const known = needed.get(local);
    needed.set(local, known === undefined ? guards : known.filter((guard) => guards.includes(guard)));
  };
  // Backwards: whoever uses a value stands behind it.
  const visit = (statements: readonly Statement[], guards: readonly Guard[]): void => {
    for (const s of statements.toReversed()) {
      if (s.kind === 'for') visit(s.body, guards);
      else if (s.kind === 'if') visit(s.body, [...guards, s]);
      else {
        if (s.kind === 'ifAny') visit(s.body, guards);
        const isPure = 'target' in s && s.kind !== 'accumulator';
        const own = isPure ? union(guards, needed.get(s.target) ?? []) : guards;
        for (const operand of operandsOf(s)) use(operand, own);
      }
    }
  };
  visit(body, []);
  return needed;
}

function union(a: readonly Guard[], b: readonly Guard[]): readonly Guard[] {
  return [...a, ...b.filter((guard) => !a.includes(guard))];
}

/** Lanes that statements change in memory, or in accumulators, as far as these are used. */
function changedLanes(statements: readonly Statement[], used: readonly number[]): number {
  const changed = statements.map((s): number => {
    if ('body' in s) return changedLanes(s.body, used);
    if (s.kind === 'store' || s.kind === 'storeAt') return s.count;
    return s.kind === 'assign' || s.kind === 'multiplyAdd' ? (used[s.accumulator] ?? 0) : 0;
  });
  return Math.max(0, ...changed);
}

/** Lanes of each value that reach a store or a fold: backwards through the text, until nothing changes. */
function usedLanes({ types, lanes, body }: Kernel): number[] {
  const used = types.map(() => 0);
  let isChanged = true;
  const use = (local: Local, count: number): void => {
    if ((used[local] ?? lanes) >= count) return;
    used[local] = count;
    isChanged = true;
  };
  const visit = (statements: readonly Statement[]): void => {
    for (const s of statements.toReversed()) {
      if ('body' in s) {
        visit(s.body);
        // A lane of the mask decides for itself: what runs for other lanes leaves it as it is.
        if (s.kind === 'ifAny') use(s.mask, changedLanes(s.body, used));
      } else if (s.kind === 'store') use(s.value, s.count);
      else if (s.kind === 'storeAt') {
        use(s.value, s.count);
        use(s.offset, 1);
      } else if (s.kind === 'loadAt') use(s.offset, s.mode === 'gather' ? (used[s.target] ?? 0) : 1);
      else if (s.kind === 'operation') for (const operand of s.operands) use(operand, used[s.target] ?? 0);
      else if (s.kind === 'shift' || s.kind === 'lookup') use(s.operand, used[s.target] ?? 0);
      else if (s.kind === 'fold') use(s.operand, (used[s.target] ?? 0) > 0 ? lanes : 0);
      else if (s.kind === 'accumulator') use(s.initial, used[s.target] ?? 0);
      else if (s.kind === 'assign') use(s.value, used[s.accumulator] ?? 0);
      else if (s.kind === 'multiplyAdd')
        for (const operand of [s.a, s.b]) use(operand, used[s.accumulator] ?? 0);
    }
  };
  while (isChanged) {
    isChanged = false;
    visit(body);
  }
  return used;
}

/** Checks all accesses; `report` gets the access with each fault. */
export function checkMemory(kernel: Kernel, report: (statement: Statement, message: string) => void): void {
  const accesses = accessesOf(kernel);
  checkBounds(kernel, accesses, report);
  for (const { load, store } of hoistedOverStores(accesses.filter(({ isFixed }) => !isFixed)))
    report(load.statement, `loads what b${store.buffer} held at first, but a store may come before it`);
  checkFixedLoads(accesses, report);
  if (kernel.chunks > 1) checkChunks(kernel, accesses, report);
}

type Report = (statement: Statement, message: string) => void;

function checkBounds({ scratch }: Kernel, accesses: readonly PlacedAccess[], report: Report): void {
  for (const access of accesses) {
    const [low, high] = touchedElements(access);
    const name = access.buffer === SCRATCH ? 'scratch memory' : `b${access.buffer}`;
    if (low < 0) report(access.statement, `reaches element ${low} of ${name}, before its beginning`);
    if (access.buffer === SCRATCH && high >= scratch)
      report(access.statement, `reaches element ${high} of ${name}, which has ${scratch}`);
  }
}

/**
 * Loads that may be moved, each with a store to an element that it loads which may run before it. There must be none:
 * then every such load reads what its buffer held at the beginning of the chunk, wherever it stands.
 */
export function hoistedOverStores<A extends Access>(
  accesses: readonly A[],
): { readonly load: A; readonly store: A }[] {
  const stores = Map.groupBy(
    accesses.filter(({ kind }) => kind === 'store'),
    ({ buffer }) => buffer,
  );
  return accesses.flatMap((load) => {
    if (load.kind !== 'load') return [];
    const store = stores
      .get(load.buffer)
      ?.find((candidate) =>
        iterationsBefore(candidate, load).some((pairs) => canMeet(candidate, load, pairs) !== 'never'),
      );
    return store === undefined ? [] : [{ load, store }];
  });
}

/**
 * A fixed load reads first elements that stores before it have written, as far as intervals can tell. Where data decide on
 * the element, an earlier launch may have written it: the plan's check sees to that.
 */
function checkFixedLoads(accesses: readonly PlacedAccess[], report: Report): void {
  const written = new Map<number, Interval[]>();
  for (const access of accesses) {
    const stretches = written.get(access.buffer) ?? [];
    if (access.kind === 'store') {
      // What may be skipped is not surely written.
      if (access.isConditional) continue;
      written.set(access.buffer, joined(stretches, touchedElements(access)));
    } else if (access.isFixed && access.lanes > 0 && access.reach === undefined) {
      const [low, high] = firstElements(access);
      if (!isCovered(stretches, [low, high]))
        report(access.statement, `loads elements ${low} … ${high} before all of them are stored`);
    }
  }
}

/** Chunks of which all pairs are compared, from each end, where addresses are not linear in the chunk. */
const COMPARED_CHUNKS = 12;

function checkChunks({ chunks }: Kernel, accesses: readonly PlacedAccess[], report: Report): void {
  const buffers = new Set(accesses.filter(({ kind }) => kind === 'store').map(({ buffer }) => buffer));
  buffers.delete(SCRATCH);
  for (const buffer of buffers) {
    const own = accesses.filter((access) => access.buffer === buffer && !access.isFixed && access.lanes > 0);
    if (own.length === 0 || areApart(own)) continue;
    const stores = own.filter(({ kind }) => kind === 'store');
    for (const access of own) {
      const rival = stores.find((store) => clash(store, access, chunks));
      if (rival !== undefined)
        report(
          access.statement,
          `an element of b${buffer} that one chunk ${access.kind}s is stored by another`,
        );
    }
  }
}

/** True if the accesses of each chunk stay in a stretch of their own: address = step · chunk + less than the step. */
function areApart(accesses: readonly Access[]): boolean {
  const step = chunkStep(accesses[0]!.index);
  if (step === undefined || step <= 0) return false;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const access of accesses) {
    if (chunkStep(access.index) !== step) return false;
    const [least, most] = usedElements(
      withChunk(access, 0, plus(access.index, times(chunkTerm(access.index), -1))),
    );
    [low, high] = [Math.min(low, least), Math.max(high, most)];
  }
  return high - low < step;
}

function chunkTerm({ terms }: Int): Int {
  const isChunk = ({ atom }: Int['terms'][number]): boolean =>
    atom.kind === 'variable' && atom.name === 'chunk';
  return { constant: 0, terms: terms.filter(isChunk) };
}

/** Coefficient of the chunk, if the address is linear in it. */
function chunkStep(index: Int): number | undefined {
  const own = chunkTerm(index);
  if (dependsOn(plus(index, times(own, -1)), 'chunk')) return undefined;
  return own.terms[0]?.coefficient ?? 0;
}

function usedElements(access: Access): Interval {
  const [low, high] = firstElements(access);
  return [low, high + Math.min(access.width, access.lanes) - 1];
}

/** The access in one chunk. */
function withChunk<A extends Access>(access: A, chunk: number, index: Int = access.index): A {
  return {
    ...access,
    index: substitute(index, 'chunk', chunk),
    guards: access.guards.map((guard) => ({ ...guard, index: substitute(guard.index, 'chunk', chunk) })),
  };
}

/** True if a store and an access meet for certain in two different chunks. */
function clash(store: PlacedAccess, access: PlacedAccess, chunks: number): boolean {
  const isLinear = [store, access].every(({ index }) => chunkStep(index) !== undefined);
  if (isLinear) {
    const later = { equal: new Set<string>(), later: { variable: 'chunk', count: chunks } };
    return canMeet(store, access, later) === 'possible' || canMeet(access, store, later) === 'possible';
  }
  const compared = Array.from({ length: chunks }, (_, chunk) => chunk).filter(
    (chunk) => chunk < COMPARED_CHUNKS || chunk >= chunks - COMPARED_CHUNKS,
  );
  const at = (one: PlacedAccess): readonly [number, PlacedAccess][] =>
    compared
      .map((chunk) => [chunk, withChunk(one, chunk)] as [number, PlacedAccess])
      .filter(([, own]) => !isUnreachable(own));
  const others = at(access);
  return at(store).some(([chunk, own]) =>
    others.some(([other, far]) => chunk !== other && canMeet(own, far, { equal: new Set() }) === 'possible'),
  );
}

/** Elements of a buffer slot that a kernel reads and writes, as intervals. */
export type Footprint = {
  /** First elements of what it loads and has not stored itself. */
  readonly reads: readonly Interval[];
  /** Everything that the machine touches in loading, unused lanes included. */
  readonly touches: readonly Interval[];
  readonly writes: readonly Interval[];
  /** Those of the writes that data do not decide on. */
  readonly sureWrites: readonly Interval[];
};

/** True if a load reads what the kernel itself has stored, as far as intervals can tell. */
function isStoredBefore(load: PlacedAccess, accesses: readonly PlacedAccess[]): boolean {
  if (load.reach === undefined) return true;
  const stored = accesses
    .filter(({ kind, order, isConditional }) => kind === 'store' && order < load.order && !isConditional)
    .reduce<Interval[]>((all, store) => joined(all, touchedElements(store)), []);
  return isCovered(stored, firstElements(load));
}

/** What a kernel does to each of its buffers. */
export function footprintsOf(kernel: Kernel): Footprint[] {
  const accesses = accessesOf(kernel);
  return Array.from({ length: kernel.buffers }, (_, buffer): Footprint => {
    const own = accesses.filter((access) => access.buffer === buffer);
    const stretches = (chosen: readonly PlacedAccess[], of: (access: Access) => Interval): Interval[] =>
      chosen.reduce<Interval[]>((all, access) => joined(all, of(access)), []);
    const loads = own.filter(({ kind }) => kind === 'load');
    const stores = own.filter(({ kind }) => kind === 'store');
    return {
      reads: stretches(
        loads.filter((load) => load.lanes > 0 && !(load.isFixed && isStoredBefore(load, own))),
        firstElements,
      ),
      touches: stretches(loads, touchedElements),
      writes: stretches(stores, touchedElements),
      sureWrites: stretches(
        stores.filter(({ isConditional }) => !isConditional),
        touchedElements,
      ),
    };
  });
}
