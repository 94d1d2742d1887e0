/**
 * A heap snapshot as a graph in typed arrays. V8 streams a snapshot as JSON that can be larger than a string may be, so the numbers are read
 * from the stream as they come; only the strings are parsed as JSON. Knows the format, not what its parts mean.
 */
import { getHeapSnapshot } from 'node:v8';

/** Kinds of an edge, as far as the search tells them apart. */
export type EdgeType = 'context' | 'element' | 'property' | 'internal' | 'hidden' | 'shortcut' | 'weak';

interface SnapshotHead {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly (string | readonly string[])[];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly (string | readonly string[])[];
    };
    readonly node_count: number;
    readonly edge_count: number;
  };
}

/** Nodes and edges by number. Node 0 is the root. */
export class HeapGraph {
  /** First edge of each node; one more entry than nodes. */
  readonly firstEdge: Uint32Array;
  private readonly nodeWidth: number;
  private readonly edgeWidth: number;
  private readonly edgeTypes: readonly string[];
  private readonly nodeTypes: readonly string[];
  private readonly column: Readonly<
    Record<'nodeType' | 'nodeName' | 'nodeSize' | 'nodeEdges' | 'edgeType' | 'edgeName' | 'edgeTo', number>
  >;

  constructor(
    head: SnapshotHead,
    private readonly nodes: Uint32Array,
    private readonly edges: Uint32Array,
    private readonly strings: readonly string[],
  ) {
    const { meta, node_count: nodeCount } = head.snapshot;
    this.nodeWidth = meta.node_fields.length;
    this.edgeWidth = meta.edge_fields.length;
    this.nodeTypes = meta.node_types[0] as readonly string[];
    this.edgeTypes = meta.edge_types[0] as readonly string[];
    this.column = {
      nodeType: meta.node_fields.indexOf('type'),
      nodeName: meta.node_fields.indexOf('name'),
      nodeSize: meta.node_fields.indexOf('self_size'),
      nodeEdges: meta.node_fields.indexOf('edge_count'),
      edgeType: meta.edge_fields.indexOf('type'),
      edgeName: meta.edge_fields.indexOf('name_or_index'),
      edgeTo: meta.edge_fields.indexOf('to_node'),
    };
    this.firstEdge = new Uint32Array(nodeCount + 1);
    for (let node = 0; node < nodeCount; node += 1) {
      this.firstEdge[node + 1] = (this.firstEdge[node] ?? 0) + at(this.nodes, node * this.nodeWidth + this.column.nodeEdges);
    }
  }

  get nodeCount(): number {
    return this.firstEdge.length - 1;
  }

  nodeName(node: number): string {
    return this.strings[at(this.nodes, node * this.nodeWidth + this.column.nodeName)] ?? '';
  }

  nodeType(node: number): string {
    return this.nodeTypes[at(this.nodes, node * this.nodeWidth + this.column.nodeType)] ?? '';
  }

  /** Bytes of the node itself, without what it refers to. */
  nodeSize(node: number): number {
    return at(this.nodes, node * this.nodeWidth + this.column.nodeSize);
  }

  /** Nodes of a type whose name is exactly this. */
  nodesNamed(name: string, type: string): number[] {
    const wanted = this.strings.indexOf(name);
    const found: number[] = [];
    if (wanted < 0) return found;
    for (let node = 0; node < this.nodeCount; node += 1) {
      if (at(this.nodes, node * this.nodeWidth + this.column.nodeName) === wanted && this.nodeType(node) === type) found.push(node);
    }
    return found;
  }

  edgesOf(node: number): { first: number; end: number } {
    return { first: at(this.firstEdge, node), end: at(this.firstEdge, node + 1) };
  }

  edgeType(edge: number): EdgeType {
    return this.edgeTypes[at(this.edges, edge * this.edgeWidth + this.column.edgeType)] as EdgeType;
  }

  /** Name of a property or variable; the index as text for elements and hidden edges. */
  edgeName(edge: number): string {
    const value = at(this.edges, edge * this.edgeWidth + this.column.edgeName);
    const type = this.edgeType(edge);
    return type === 'element' || type === 'hidden' ? String(value) : (this.strings[value] ?? '');
  }

  edgeTo(edge: number): number {
    return at(this.edges, edge * this.edgeWidth + this.column.edgeTo) / this.nodeWidth;
  }
}

function at(array: Uint32Array, index: number): number {
  return array[index] ?? 0;
}

/** Takes a snapshot of this process. Stops the world for about a second per 100 MB. */
export async function takeHeapGraph(): Promise<HeapGraph> {
  const reader = new SnapshotReader();
  for await (const chunk of getHeapSnapshot() as AsyncIterable<Buffer | string>) reader.read(Buffer.from(chunk));
  return reader.finish();
}

/** Reads the sections in the order V8 writes them. */
class SnapshotReader {
  private section: 'head' | 'nodes' | 'between' | 'edges' | 'rest' | 'strings' = 'head';
  private text = '';
  private head: SnapshotHead | undefined;
  private nodes = new Uint32Array(0);
  private edges = new Uint32Array(0);
  private filled = 0;
  private number = -1;
  private readonly stringChunks: Buffer[] = [];

  read(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.section === 'nodes') position = this.readNumbers(chunk, position, this.nodes, 'between');
      else if (this.section === 'edges') position = this.readNumbers(chunk, position, this.edges, 'rest');
      else if (this.section === 'strings') {
        this.stringChunks.push(chunk.subarray(position));
        return;
      } else position = this.readUntilSection(chunk, position);
    }
  }

  private readUntilSection(chunk: Buffer, position: number): number {
    const name = { head: 'nodes', between: 'edges', rest: 'strings' }[this.section as 'head' | 'between' | 'rest'];
    const mark = `"${name}":[`;
    const before = this.text.length;
    this.text += chunk.toString('latin1', position);
    const found = this.text.indexOf(mark, Math.max(0, before - mark.length));
    if (found < 0) {
      // Only the head is needed as text; of the others the end may hold the beginning of the mark.
      if (this.section !== 'head') this.text = this.text.slice(-mark.length);
      return chunk.length;
    }
    if (this.section === 'head') this.begin(this.text.slice(0, found));
    const next = position + found + mark.length - before;
    this.text = '';
    this.section = name as 'nodes' | 'edges' | 'strings';
    return next;
  }

  private begin(text: string): void {
    this.head = JSON.parse(`${text.trimEnd().replace(/,$/, '')}}`) as SnapshotHead;
    const { meta, node_count: nodeCount, edge_count: edgeCount } = this.head.snapshot;
    this.nodes = new Uint32Array(nodeCount * meta.node_fields.length);
    this.edges = new Uint32Array(edgeCount * meta.edge_fields.length);
  }

  private readNumbers(chunk: Buffer, start: number, target: Uint32Array, next: 'between' | 'rest'): number {
    for (let position = start; position < chunk.length; position += 1) {
      const byte = chunk[position] ?? 0;
      if (byte >= 0x30 && byte <= 0x39) {
        this.number = (this.number < 0 ? 0 : this.number * 10) + byte - 0x30;
        continue;
      }
      if (this.number >= 0) target[this.filled++] = this.number;
      this.number = -1;
      if (byte === 0x5d) {
        this.filled = 0;
        this.section = next;
        return position + 1;
      }
    }
    return chunk.length;
  }

  finish(): HeapGraph {
    if (this.head === undefined) throw new Error('The heap snapshot has no head');
    const text = Buffer.concat(this.stringChunks).toString();
    const strings = JSON.parse(`[${text.slice(0, text.lastIndexOf(']'))}]`) as string[];
    return new HeapGraph(this.head, this.nodes, this.edges, strings);
  }
}
