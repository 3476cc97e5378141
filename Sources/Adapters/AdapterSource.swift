import KingletErrors
import KingletFiles

/// The file that holds an adapter's tensors, and its format.
struct AdapterSource {
  let format: Adapter.Format
  let weightsPath: String

  /// Looks for an adapter at `path`; no file is read.
  ///
  /// - Throws: `.unsupported` when the weights are pickled; `.fileNotFound` or `.invalidArgument`, saying what to give
  ///   instead, for a folder without weights and for a single file of one.
  init(_ path: String) throws(KingletError) {
    let weights = [(Adapter.Format.mlx, "\(path)/adapters.safetensors"), (.peft, "\(path)/adapter_model.safetensors")]
    if let (format, weightsPath) = weights.first(where: { fileExists($0.1) }) {
      (self.format, self.weightsPath) = (format, weightsPath)
      return
    }
    guard !fileExists("\(path)/adapter_model.bin"), !fileExists("\(path)/adapters.npz") else {
      throw KingletError(
        .unsupported, "there are only pickled weights, which are programs and may do anything", at: path,
        remedy: "Save the adapter as safetensors: save_pretrained in peft does.")
    }
    guard !isFolder(path) else {
      throw KingletError(
        .fileNotFound, "there is no adapter_model.safetensors and no adapters.safetensors", at: path,
        remedy: "Give the folder of an adapter, or a GGUF file.")
    }
    guard !fileExists(path) || ![".safetensors", ".json", ".bin", ".npz"].contains(where: path.hasSuffix) else {
      throw KingletError(
        .invalidArgument, "this is a single file, and adapters of PEFT and MLX are folders", at: path,
        remedy: "Give the folder with adapter_config.json and the weights in it, or a GGUF file.")
    }
    (format, weightsPath) = (.gguf, path)
  }
}
