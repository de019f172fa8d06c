// What outlives a closed tab, by name, in the browser's own database: pictures and checkpoints.

const open = () => new Promise((resolve, reject) => {
  const request = indexedDB.open('defrost', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('files');
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

let database;

/** Does something with the store in one transaction: all of it happens, or nothing. */
async function transact(mode, act) {
  database ??= open();
  const transaction = (await database).transaction('files', mode);
  const result = act(transaction.objectStore('files'));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
  return result?.result;
}

/** All names that begin so. */
const beginningWith = prefix => IDBKeyRange.bound(prefix, `${prefix}\uffff`);

/** Keeps these, `[[name, value]]`, and forgets those names, together. */
export const keep = (entries, forgotten = []) => transact('readwrite', store => {
  forgotten.forEach(name => store.delete(name));
  entries.forEach(([name, value]) => store.put(value, name));
});

/** The value under a name. */
export const get = name => transact('readonly', store => store.get(name));

/** The names that begin so. */
export const names = prefix => transact('readonly', store => store.getAllKeys(beginningWith(prefix)));

/** Forgets all names that begin so. */
export const forget = prefix => transact('readwrite', store => store.delete(beginningWith(prefix)));
