// Cross-origin isolation where the host does not send its headers: a service worker adds them, and the page is loaded once
// more. Where that does not help, the engine computes on one thread.

const TRIED = 'ohmic-lab-isolation';

/** True if the page is about to be loaded again; then nothing else should begin. */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator) || wasTried()) return false;
  try {
    sessionStorage.setItem(TRIED, 'yes');
    const registered = navigator.serviceWorker
      .register('./isolation.js')
      .then(() => navigator.serviceWorker.ready);
    await Promise.race([registered, rejectedAfter(PATIENCE_MS)]);
  } catch {
    // A browser that forbids service workers or storage: one thread does.
    return false;
  }
  location.reload();
  return true;
}

/** A browser that forbids service workers may also keep silent about it. */
const PATIENCE_MS = 1500;

function rejectedAfter(milliseconds: number): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), milliseconds));
}

/** Once a visit, so that a page that stays without isolation is not loaded for ever. */
function wasTried(): boolean {
  try {
    return sessionStorage.getItem(TRIED) !== null;
  } catch {
    return true;
  }
}
