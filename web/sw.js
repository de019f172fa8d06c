// Keeps the page for times without a network: the newest files while there is one, those of the last visit else.
const CACHE = 'defrost';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', event => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== self.location.origin) return;
  const newest = async () => {
    const cache = await caches.open(CACHE);
    try {
      const response = await fetch(request);
      if (response.ok) await cache.put(request, response.clone());
      return response;
    } catch (error) {
      const known = await cache.match(request, { ignoreSearch: true });
      if (known) return known;
      throw error;
    }
  };
  event.respondWith(newest());
});
