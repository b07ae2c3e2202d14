// Paths as a tree: packets that met the same rules share the nodes of their way, so adding a line to a packet is one step down.

export interface PathNode {
  /** Number of the path that ends here, for the store; -1 while no packet ended here. */
  path: number;
  readonly parent: PathNode | null;
  readonly depth: number;
  readonly head: number;
  readonly shape: number;
  readonly slot: number;
  readonly ttlLost: number;
  lastKey: number;
  lastChild: PathNode | null;
  children: Map<number, PathNode> | null;
}

export interface PathStep {
  readonly head: number;
  readonly shape: number;
  readonly slot: number;
  readonly ttlLost: number;
}

export interface PathTree {
  readonly root: PathNode;
  child(node: PathNode, head: number, shape: number, slot: number, ttlLost: number): PathNode;
  /** Number of the path ending at a node; new ones are handed out by takeNew. */
  pathOf(node: PathNode): number;
  takeNew(): readonly (readonly PathStep[])[];
  isFull(): boolean;
  clear(): void;
}

const MOST_NODES = 30_000;

function node(parent: PathNode | null, head: number, shape: number, slot: number, ttlLost: number): PathNode {
  return {
    path: -1,
    parent,
    depth: parent === null ? 0 : parent.depth + 1,
    head,
    shape,
    slot,
    ttlLost,
    lastKey: -1,
    lastChild: null,
    children: null,
  };
}

export function openPathTree(): PathTree {
  let root = node(null, -1, -1, 0, 0);
  let nodes = 1;
  let paths = 0;
  let fresh: PathStep[][] = [];

  return {
    get root() {
      return root;
    },
    child(parent, head, shape, slot, ttlLost) {
      // head below 2^20, shape below 2^12, slot below 4: exact in a double.
      const key = ((head * 4096 + shape) * 4 + slot) * 256 + ttlLost;
      if (parent.lastKey === key) return parent.lastChild!;
      parent.children ??= new Map();
      let found = parent.children.get(key);
      if (found === undefined) {
        found = node(parent, head, shape, slot, ttlLost);
        parent.children.set(key, found);
        nodes++;
      }
      parent.lastKey = key;
      parent.lastChild = found;
      return found;
    },
    pathOf(end) {
      if (end.path >= 0) return end.path;
      end.path = paths++;
      const steps: PathStep[] = [];
      for (let at: PathNode = end; at.parent !== null; at = at.parent) {
        steps.push({ head: at.head, shape: at.shape, slot: at.slot, ttlLost: at.ttlLost });
      }
      fresh.push(steps.reverse());
      return end.path;
    },
    takeNew() {
      const taken = fresh;
      fresh = [];
      return taken;
    },
    isFull: () => nodes > MOST_NODES,
    clear() {
      root = node(null, -1, -1, 0, 0);
      nodes = 1;
      paths = 0;
      fresh = [];
    },
  };
}
