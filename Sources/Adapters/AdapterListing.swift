import KingletErrors
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
    let source = try AdapterSource(path)
    (format, weightsPath) = (source.format, source.weightsPath)
    let tensors =
      switch format {
      case .peft, .mlx:
        try SafetensorsFile(path: weightsPath).tensors.map {
          Tensor(name: $0.name, type: $0.type.rawValue, shape: $0.shape, byteCount: $0.byteCount)
        }
      case .gguf:
        try GGUFFile(path: weightsPath).tensors.map {
          Tensor(name: $0.name, type: $0.type.name, shape: $0.dimensions.reversed(), byteCount: $0.byteCount)
        }
      }
    self.tensors = tensors.sorted { $0.name < $1.name }
  }
}
