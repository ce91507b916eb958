// A graph as text, one node a line, in the order of evaluation.

import { formatShape } from '../base/shape.ts';
import { type Graph, type Node, nodesOf } from './node.ts';

/** The graph as text: `%4 = multiply(%2, %3) : f32 (128, 10)`. */
export function printGraph(graph: Graph): string {
  const nodes = nodesOf(graph);
  const numbers = new Map(nodes.map((node, index) => [node, index]));
  const name = (node: Node): string => `%${numbers.get(node)}`;
  const lines = nodes.map((node) => {
    const operands = node.inputs.map(name).join(', ');
    return `${name(node)} = ${node.op}(${operands})${printAttributes(node)} : ${node.dtype} ${formatShape(node.shape)}`;
  });
  for (const [output, node] of Object.entries(graph.outputs)) lines.push(`output ${output} = ${name(node)}`);
  for (const [state, node] of Object.entries(graph.updates)) lines.push(`update ${state} = ${name(node)}`);
  return `${lines.join('\n')}\n`;
}

function printAttributes(node: Node): string {
  const shown = Object.entries(node.attributes).filter(([key]) => key !== 'shape' && key !== 'dtype');
  if (shown.length === 0) return '';
  return ` {${shown.map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')}}`;
}
