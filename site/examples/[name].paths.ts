// A page for each script of examples/, made from the script itself: its question, what it does, its text, how to run it.

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '..', '..', 'examples');

export default {
  watch: ['../../examples/*.ts'],
  paths: () =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => {
        const text = readFileSync(join(folder, name), 'utf8');
        const first = text.split('\n\n')[0]!;
        const words = first.replaceAll(/^\/\/ ?/gm, '').replaceAll('\n', ' ');
        const end = words.indexOf('?') + 1;
        const run = `\`\`\`sh\nnpm run example examples/${name}\n\`\`\`\n`;
        const code = `\`\`\`ts\n${text.slice(first.length).trim()}\n\`\`\`\n`;
        return {
          params: {
            name: name.replace(/\.ts$/, ''),
            title: words.slice(0, end).trim() || name,
            answer: words.slice(end).trim(),
          },
          content: `\`examples/${name}\`, in a checkout:\n\n${run}\n${code}`,
        };
      }),
};
