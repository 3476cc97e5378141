import KingletErrors
import KingletGGUF
import KingletTransformer

/// What of a base model matters to adapters: the sizes of its tensors and the order of their rows. Of its weights only those
/// are read that an adapter has a copy of.
public struct AdapterBase: Sendable {
  public let path: String
  public let description: DecoderDescription
  /// Whether the embedding is the head too.
  public let isTied: Bool
  private let file: GGUFFile

  /// - Throws: `.unsupported` for an architecture that Kinglet does not run.
  public init(_ file: GGUFFile) throws(KingletError) {
    path = file.path
    do throws(KingletError) { description = try Decoder.describe(file) } catch { throw error.located(in: file.path) }
    isTied = file.tensor(named: "output.weight") == nil
    self.file = file
  }

  /// Whether an adapter belongs to this base.
  ///
  /// - Throws: `.invalidArgument`, naming both sides, for one that does not.
  public func check(_ adapter: Adapter) throws(KingletError) {
    try adapter.check(architecture: description.architecture)
    for update in adapter.updates {
      do throws(KingletError) {
        for part in try separated(update) { try check(part) }
      } catch {
        throw error.located(in: adapter.path)
      }
    }
  }

  private func check(_ update: AdapterUpdate) throws(KingletError) {
    guard let matrix = matrix(update.tensor) else {
      throw KingletError(
        .invalidArgument,
        "the adapter changes a tensor that the model does not have; it has \(description.layers.count) layers",
        at: update.tensor, remedy: "Use the adapter with the base model it was trained on.")
    }
    let (rows, columns) = (matrix.dimensions[1], matrix.dimensions[0])
    try update.check(rows: rows, columns: columns)
    try update.checkBase(rows: rows, columns: columns, type: matrix.type) { file.floats(of: matrix, row: $0) }
  }

  /// The updates of single tensors that one of fused tensors stands for; itself if it is of one.
  ///
  /// - Throws: `.invalidArgument`, naming both sides, when its rows are not those of the tensors.
  public func separated(_ update: AdapterUpdate) throws(KingletError) -> [AdapterUpdate] {
    try update.separated(shape)
  }

  private func shape(of tensor: String) -> (rows: Int, columns: Int)? {
    matrix(tensor).map { (rows: $0.dimensions[1], columns: $0.dimensions[0]) }
  }

  private func matrix(_ tensor: String) -> GGUFTensor? {
    let name = tensor == "output" && isTied ? "token_embd.weight" : "\(tensor).weight"
    return file.tensor(named: name).flatMap { $0.dimensions.count == 2 ? $0 : nil }
  }

  /// The update with its rows in the order `order` of this base; it must have passed `check`.
  public func arranged(_ update: AdapterUpdate, as order: AdapterUpdate.RowOrder) -> AdapterUpdate {
    update.arranged(order, heads: description.rotaryPairing == .adjacent ? headCount(of: update) : nil)
  }

  private func headCount(of update: AdapterUpdate) -> Int? {
    update.tensor.hasSuffix(".attn_q") ? description.headCount : description.keyHeadCount
  }
}

extension AdapterUpdate {
  /// The same update with B multiplied by `factor`, for formats that cannot have its scale.
  func folding(_ factor: Double, leaving scale: Float) -> AdapterUpdate {
    changed(b: factor == 1 ? b : b.map { Float(Double($0) * factor) }, scale: scale)
  }
}
