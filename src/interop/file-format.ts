// What a file that is no safetensors file looks like, by its first bytes, and what to do about it. People hand over
// the file they have: the answer names the format, not the header of 8e18 bytes that its first eight bytes would mean.

/** A format by its first bytes. */
export type FileFormat = {
  /** `an ONNX model (protobuf)` */
  readonly what: string;
  /** What to do to get the weights. */
  readonly advice: string;
};

const pytorch: FileFormat = {
  what: 'a file of torch.save (zip with a pickle inside)',
  advice:
    'convert it in Python: safetensors.torch.save_file(torch.load(FILE, weights_only=True), "weights.safetensors")',
};

const formats: readonly (FileFormat & { readonly matches: (bytes: Uint8Array) => boolean })[] = [
  { ...pytorch, matches: (bytes) => /\/(data\.pkl|constants\.pkl|version|byteorder)$/.test(zipEntry(bytes)) },
  {
    matches: (bytes) => zipEntry(bytes).endsWith('.npy'),
    what: 'a NumPy archive (.npz)',
    advice:
      'convert it in Python: safetensors.numpy.save_file(dict(numpy.load(FILE)), "weights.safetensors")',
  },
  {
    matches: (bytes) => startsWith(bytes, 'PK\x03\x04'),
    what: 'a zip archive',
    advice: 'unpack it, or convert what is in it to safetensors',
  },
  {
    // A pickle of protocol 2 to 5: torch.save before PyTorch 1.6, or any other pickle.
    matches: (bytes) => bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5,
    what: 'a pickle (torch.save of an old PyTorch)',
    advice: pytorch.advice,
  },
  {
    // ModelProto: field 1, ir_version, a small varint; then producer_name, domain, graph or opset_import.
    matches: (bytes) =>
      bytes[0] === 0x08 &&
      bytes[1]! >= 1 &&
      bytes[1]! < 32 &&
      [0x12, 0x1a, 0x22, 0x3a, 0x42].includes(bytes[2]!) &&
      bytes[3] !== 0,
    what: 'an ONNX model (protobuf)',
    advice: 'import it as a network, without a model: ohmic import FILE --out DIR, or importOnnx',
  },
  {
    matches: (bytes) => startsWith(bytes, 'GGUF'),
    what: 'a GGUF file (llama.cpp)',
    advice: 'use the safetensors file that it was converted from',
  },
  {
    matches: (bytes) => startsWith(bytes, '\x93NUMPY'),
    what: 'a NumPy array (.npy)',
    advice: 'save it under a name: safetensors.numpy.save_file({"NAME": numpy.load(FILE)}, ...)',
  },
  {
    matches: (bytes) => startsWith(bytes, '\x89HDF\r\n'),
    what: 'an HDF5 file (Keras, h5py)',
    advice: 'save its arrays by name with safetensors.numpy.save_file',
  },
  {
    matches: (bytes) => startsWith(bytes.subarray(4), 'TFL3'),
    what: 'a TensorFlow Lite model',
    advice: 'save the weights of the network that it was converted from as safetensors',
  },
  {
    matches: (bytes) => startsWith(bytes, '\x1f\x8b'),
    what: 'a gzip file',
    advice: 'unpack it first',
  },
  {
    matches: (bytes) => startsWith(bytes, 'version https://git-lfs'),
    what: 'a pointer of Git LFS, not the file itself',
    advice: 'fetch the file: git lfs pull',
  },
  {
    matches: (bytes) => /^\s*<(!doctype|html)/i.test(latin(bytes.subarray(0, 64))),
    what: 'a web page',
    advice: 'download the file itself',
  },
  {
    matches: (bytes) => /^\s*[{[]\s*["{[]/.test(latin(bytes.subarray(0, 64))),
    what: 'JSON',
    advice: 'give the safetensors file; a file *.index.json only lists its parts',
  },
];

/** The format that the first bytes of a file tell of; undefined if they tell of none that is known here. */
export function resembledFormat(bytes: Uint8Array): FileFormat | undefined {
  return formats.find(({ matches }) => matches(bytes));
}

/** Name of the first file of a zip archive; empty if there is none. PKWARE's APPNOTE 6.3, section 4.3.7. */
function zipEntry(bytes: Uint8Array): string {
  if (!startsWith(bytes, 'PK\x03\x04') || bytes.length < 30) return '';
  const length = bytes[26]! + 256 * bytes[27]!;
  return latin(bytes.subarray(30, 30 + length));
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return latin(bytes.subarray(0, text.length)) === text;
}

/** One character a byte. */
function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}
