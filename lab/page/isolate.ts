// Cross-origin isolation where the host does not send its headers: a service worker adds them, and the page is loaded once
// more. Where that does not help, the engine computes on one thread.

const TRIED = 'ohmic-lab-isolation';

/** True if the page is about to be loaded again; then nothing else should begin. */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator) || wasTried()) return false;
  try {
    await navigator.serviceWorker.register('./isolation.js');
    await navigator.serviceWorker.ready;
    sessionStorage.setItem(TRIED, 'yes');
  } catch {
    // A browser that forbids service workers or storage: one thread does.
    return false;
  }
  location.reload();
  return true;
}

/** Once a visit, so that a page that stays without isolation is not loaded for ever. */
function wasTried(): boolean {
  try {
    return sessionStorage.getItem(TRIED) !== null;
  } catch {
    return true;
  }
}
