import KingletErrors
import KingletGGUF

/// How much an error in each column of a model's matrices matters: the mean square of the inputs that the columns met
/// while the model read some text.
///
/// Files are those of llama.cpp's `llama-imatrix`, and may be exchanged with it.
public struct ImportanceMatrix: Sendable, Equatable {
  /// The statistics of the inputs of one tensor; those of experts, one after the other, each with its count.
  public struct Entry: Sendable, Equatable {
    /// Sums of squares, a column each.
    public var sums: [Float]
    /// How many rows were summed up.
    public var counts: [Float]

    public init(sums: [Float], counts: [Float]) {
      self.sums = sums
      self.counts = counts
    }
  }

  /// By the tensor's name.
  public var entries: [String: Entry]
  /// The texts that were read.
  public var datasets: [String]
  /// How many chunks of how many tokens they made.
  public var chunkCount: Int
  public var chunkSize: Int
  /// The file it was read from.
  public var path: String?

  public init(entries: [String: Entry] = [:], datasets: [String] = [], chunkCount: Int = 0, chunkSize: Int = 0) {
    self.entries = entries
    self.datasets = datasets
    self.chunkCount = chunkCount
    self.chunkSize = chunkSize
  }

  /// The weights of the columns of `tensor`, of each of its experts in turn; nil when nothing is known of it.
  ///
  /// An expert that was never asked has equal weights.
  ///
  /// - Throws: `.invalidArgument` when there are weights for another number of columns. The embedding, whose rows are looked
  ///   up and not multiplied, just has none then.
  func weights(for tensor: GGUFTensor) throws(KingletError) -> [Float]? {
    guard let entry = entries[tensor.name] else { return nil }
    let columns = tensor.dimensions[0]
    let expected = columns * (tensor.dimensions.count > 2 ? tensor.dimensions[2] : 1)
    guard entry.sums.count == expected, !entry.counts.isEmpty, expected % entry.counts.count == 0 else {
      if TensorRole(name: tensor.name) == .embedding { return nil }
      throw KingletError(
        .invalidArgument, "the importance matrix has \(entry.sums.count) columns for it and not \(expected)",
        at: tensor.name, remedy: "Take the matrix that was computed for this model.")
    }
    let columnsPerCount = expected / entry.counts.count
    return entry.sums.enumerated().map { index, sum in
      let count = entry.counts[index / columnsPerCount]
      return count > 0 ? sum / count : 1
    }
  }

  /// What a file quantised by this matrix says of it.
  var provenance: [(String, GGUFValue)] {
    var values: [(String, GGUFValue)] = []
    if let path { values.append(("quantize.imatrix.file", .string(path))) }
    if let dataset = datasets.first { values.append(("quantize.imatrix.dataset", .string(dataset))) }
    values.append(("quantize.imatrix.entries_count", .uint32(UInt32(clamping: entries.count))))
    if chunkCount > 0 { values.append(("quantize.imatrix.chunks_count", .uint32(UInt32(clamping: chunkCount)))) }
    return values
  }
}
