/** Lets this page open without a server from now on. Browsers allow it on https and on this machine. */
export function keepThePage(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const register = (): void => {
    // Without a server, or where storage is forbidden, there is nothing to do about it: the page works as it came.
    navigator.serviceWorker.register('/sw.js', { updateViaCache: 'none' }).catch(() => undefined);
  };
  // After the first paint: what the worker fetches must not compete with the board.
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}
