// `ohmic/node`: what Node adds to the library: native code, worker threads, files, data sets from folders or downloads.

export type { ChosenEngine } from '../engine.ts';
export { BACKEND_CHOICES, type BackendChoice } from './backend-choice.ts';
export { createEngine, type EngineOptions } from './create-engine.ts';
export { decodePhoto } from './decode-photo.ts';
export { cacheSource, download, folderSource, readBytes, writeWhole } from './files.ts';
export { folderStorage } from './folder-storage.ts';
export { type DataSetOptions, loadDataSet } from './load-data-set.ts';
export { loadText, loadTextFiles, type TextFiles, type TextOptions } from './load-text.ts';
export { loadPhotos, type PhotoOptions } from './photo-folder.ts';
