// The same on Node, by WebAssembly.

import { createEngine } from 'ohmic/node';
import { digits } from './digits.ts';

const { engine } = await createEngine({ backend: 'wasm', threads: 2 });
console.log(JSON.stringify(await digits(engine)));
await engine.close();
