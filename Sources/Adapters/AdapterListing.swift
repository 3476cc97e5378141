import KingletErrors
import KingletFiles
import KingletGGUF
import KingletSafetensors

/// What lies in an adapter's file, whether Kinglet applies it or not.
public struct AdapterListing: Sendable {
  public struct Tensor: Sendable {
    public let name: String
    public let type: String
    /// The length of a row last.
    public let shape: [Int]
    public let byteCount: Int
  }

  public let format: Adapter.Format
  /// The file that holds the tensors.
  public let weightsPath: String
  /// In the order of their names.
  public let tensors: [Tensor]

  /// Reads no more than the table of the tensors.
  ///
  /// - Throws: `.fileNotFound`, `.fileCorrupt`, or `.unsupported` when the weights are pickled or no adapter's.
  public init(contentsOf path: String) throws(KingletError) {
    let files = [(Adapter.Format.mlx, "\(path)/adapters.safetensors"), (.peft, "\(path)/adapter_model.safetensors")]
    if let (format, weights) = files.first(where: { fileExists($0.1) }) {
      (self.format, weightsPath) = (format, weights)
      tensors = try SafetensorsFile(path: weights).tensors
        .map { Tensor(name: $0.name, type: $0.type.rawValue, shape: $0.shape, byteCount: $0.byteCount) }
        .sorted { $0.name < $1.name }
    } else if fileExists("\(path)/adapter_config.json") || fileExists("\(path)/adapter_model.bin")
      || fileExists("\(path)/adapters.npz")
    {
      // The reader says what is wrong with such a folder.
      _ = try Adapter(contentsOf: path)
      throw KingletError(.fileNotFound, "there are no weights", at: path)
    } else {
      (format, weightsPath) = (.gguf, path)
      tensors = try GGUFFile(path: path).tensors
        .map { Tensor(name: $0.name, type: $0.type.name, shape: $0.dimensions.reversed(), byteCount: $0.byteCount) }
        .sorted { $0.name < $1.name }
    }
  }
}
