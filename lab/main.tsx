// Entry of the page: isolation first, then the page itself.

import { render } from 'preact';
import { isolate } from './page/isolate.ts';

if (!(await isolate())) {
  // Loaded afterwards, so that a page that is about to be loaded again starts no worker.
  const [{ App }, { begin }] = await Promise.all([import('./app.tsx'), import('./page/lab.ts')]);
  render(<App />, document.getElementById('app')!);
  begin();
}
