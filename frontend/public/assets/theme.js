// Before the first paint, so that a chosen theme does not flash in the other one. A file of its own: the server's
// content security policy runs no inline scripts.
try {
  const chosen = localStorage.getItem('coplayer:theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is forbidden: the system's theme it is.
}
