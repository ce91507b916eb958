// Small photos as files, and what Pillow 12.3.0 makes of them:
// hashlib.sha256(Image.open(file).convert('RGB').tobytes()).hexdigest()[:16]. All have 22 x 19 pixels.

/** A file and the digest of its pixels. */
export type PhotoFile = { readonly bytes: Uint8Array; readonly digest: string };

const file = (base64: string, digest: string): PhotoFile => ({
  bytes: Buffer.from(base64, 'base64'),
  digest,
});

/** A JPEG with half as many pixels of colour as of brightness. */
export const rgbPhoto: PhotoFile = file(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNS' +
    'Mj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P' +
    'T0//wAARCAATABYDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQID' +
    'AAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlq' +
    'c3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3' +
    '+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEI' +
    'FEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImK' +
    'kpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwC1' +
    'Y6N/ZZ85SZN3yYxt9/f0plxc51J4Fi8ppCsaSCTBDEDGOOtV3vbO8Bt5nW2EXzliC43dMYGM9e3oaZ9snbTPssTkW6qTJIU2u4ySRgEg' +
    'Dtgdce+KhRqc7t709m7W919lqv1ZdPDwormqrrbyT9Vu/LbvYnEkGiytFFsvGYfOqtt8sgkcnnn27Y96Ko2VsdREi28gt1iI+dlDF8+x' +
    '6dP/ANVFN5fhv+X1pS6ttr8FsY1asKs3OpN8z3sk/Le6/IjguJb668+7cySbQMkYwPQAcCmsP+J8g5ISRNoJ4HAoorspJRw75dLXNs4S' +
    'jiuWOisjoL9FYREgEnd/SiiisspbeDg35/mzy6nxH//Z',
  'f4ca0bcf8fd8c1e3',
);

/** An inverted JPEG for printers, as Adobe's programs write it. */
export const cmykPhoto: PhotoFile = file(
  '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJTUjI+' +
    'WmFaUGBKUVJP/8AAFAgAEwAWBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMF' +
    'BQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldY' +
    'WVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn' +
    '6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwCnY6H/AGJi6z5+/wDd7cbcZ5znn0rZsdD/ALExdZ8/f+72424zznPPpVXT3k8USzaZ' +
    'YtPYRhWczBsmWP7uxlBHB3AkZI4716dW7BplufK1e4uIrfe48uJyBvcdEBJ5J2+lZGo6vJN4jl02G0aCSZkiS4WbmMsqgMBjqM56jpV8' +
    '3cehaRd6JFAt4sEUkZnWTaCSCSMYOCCSCM9RRUfifWZLJrQmxWSN1bau/BUjGSTg5ByOMDGD1zwulpZeE7i4tbW4i1SaTHnKh2eQVLAA' +
    'kbhknPHBGPcVztppf9vJ93yPI/4Fu3fl6UVPprWFhq8+n6fdLdX8cThx5R2QkFfvHPzHJHAPYgkGqE+oWGtWXk6ky6XBCwl84kylj90K' +
    'FABJ+bPGeAa3fEWtXN5Fbn7Msdqrcw5yWfn5i2OgGRjHc5zxgrNvtUlt5LnS9XPnsU2TX20LhWX73lqP4QegPOPepY9QuZfDkVppcrRW' +
    'Eal3LRbZZgGZipIYhVPTAyTjrgkVBY6H9qxq+du3955WM/d7Z98elFZWj3d3BLeweHb3yoQ6f6S9uC0oAborZCjJPXnp05FR2ml/28n3' +
    'fI8j/gW7d+XpWuy2F6ifb7y207ZnZ50qjzM4zjJHTA/Oiuk8YRp/YkHyj/j5X/0FqytE1G71nW3vNSnaecw7dxAAABGAAOAPp3JPesjw' +
    'fGn29vlH+qP8xRXCGWSXXLeCSWR4YZU8qNnJWPO0naOgyeuK1ljT/hJE+Uf62P8ApWnrcjWkl9dW5CTQxGSNsA4YJkHB46iiuj1mNNlt' +
    '8o/i/pXUazGmy2+Ufxf0rP8Ah/cTajdareXsjTXExjZ3bqT835DsB0Aor//Z',
  'b056feab714aa61a',
);

/** A JPEG without colour. */
export const greyPhoto: PhotoFile = file(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNS' +
    'Mj5aYVpQYEpRUk//wAALCAATABYBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9' +
    'AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZn' +
    'aGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP0' +
    '9fb3+Pn6/9oACAEBAAA/ALVjo39lnzlJk3fJjG339/SmXFznUngWLymkKxpIJMEMQMY461GJINFlaKLZeMw+dVbb5ZBI5PPPt2x71G97' +
    'Z3gNvM62wi+csQXG7pjAxnr29DTPtk7aZ9lici3VSZJCm13GSSMAkAdsDrj3xUFlbHURItvILdYiPnZQxfPsenT/APVUcFxLfXXn3bmS' +
    'TaBkjGB6ADgU1h/xPkHJCSJtBPA4FdBforCIkAk7v6V//9k=',
  '61b23b3d24b87a5e',
);

/** A PNG of eight colours. */
export const palettePhoto: PhotoFile = file(
  'iVBORw0KGgoAAAANSUhEUgAAABYAAAATBAMAAABmV+C7AAAAGFBMVEW18S2X0xh0sOxPi8fyLmrUEEwsaKQTRYEq0OBMAAAApUlEQVR4' +
    '2iXPsU0EMRRF0etvWaRLB0ADjGRRBwNiYjJa2KJIKABpKxjkCrYBQP/lyHoEm5/klCPfJ93x+8BnYAvcMGFBWlgOgRFWVblV3GTnZ+Qx' +
    'hAyJybhgrEYYsOrSVkrPuuSeV6+cIyFJHpkEJJ3GHDUwlbYyWMqL5ok3vg79PcQ9G5MKQWdjjrqYqDQ8wMpCezrs1/3vI5+DlZ2OzIiN' +
    'CZfQP0GFV0lFIydlAAAAAElFTkSuQmCC',
  '478d3de612ba59bd',
);
