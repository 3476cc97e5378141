import KingletErrors
import KingletTensors
import KingletTransformer
import Synchronization

extension ImportanceMatrix {
  /// Runs a model over a text and gathers what its layers' matrices are multiplied by.
  ///
  /// The protocol is that of llama.cpp's `llama-imatrix`: chunks of the context's length that do not overlap, each run
  /// alone and led by the beginning of sequence where the vocabulary asks for one; a shorter rest is left out.
  ///
  /// - Parameters:
  ///   - tokens: the text; with a beginning of sequence, if any, as its first token.
  ///   - dataset: what the text is called, which the matrix will tell.
  ///   - progress: told the number of chunks done and in all.
  /// - Throws: `.invalidArgument` for a text shorter than one chunk; what `Decoder.forward` throws.
  public static func measure(
    _ decoder: Decoder, tokens: [Int32], dataset: String, context: Int = 512, beginningOfSequence: Int32? = nil,
    isCancelled: () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(KingletError) -> ImportanceMatrix {
    guard context >= 1 else { throw KingletError(.invalidArgument, "chunks of \(context) tokens are too short") }
    let chunkCount = tokens.count / context
    guard chunkCount > 0 else {
      throw KingletError(
        .invalidArgument, "the text has \(tokens.count) tokens, fewer than one chunk of \(context)",
        remedy: "Choose a longer text or a smaller --context.")
    }
    let statistics = InputStatistics(of: decoder)
    let observed = decoder.observed(by: statistics)
    for chunk in 0..<chunkCount {
      var ids = Array(tokens[chunk * context..<(chunk + 1) * context])
      if let beginningOfSequence { ids[0] = beginningOfSequence }
      try observed.forward(ids[...], cache: try observed.makeCache(capacity: context), isCancelled: isCancelled)
      progress(chunk + 1, chunkCount)
    }
    return ImportanceMatrix(
      entries: statistics.entries, datasets: [dataset], chunkCount: chunkCount, chunkSize: context)
  }
}

/// Sums up the squares of the inputs of matrices.
private final class InputStatistics: ActivationObserver {
  private struct Sums {
    var squares: [Double]
    var rowCount = 0
  }
  private let names: [ObjectIdentifier: String]
  private let sums = Mutex<[String: Sums]>([:])

  init(of decoder: Decoder) {
    let pairs = decoder.namedLayerMatrices.map { (ObjectIdentifier($0.matrix), $0.name) }
    names = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  func observe(_ activations: Activations, for matrices: [PackedMatrix]) {
    sums.withLock { sums in
      for matrix in matrices {
        // The head is none of the layers' matrices.
        guard let name = names[ObjectIdentifier(matrix)] else { continue }
        // Taken out, so that the array is not copied to be changed.
        var entry = sums.removeValue(forKey: name) ?? Sums(squares: [Double](repeating: 0, count: matrix.columns))
        activations.addSquares(to: &entry.squares)
        entry.rowCount += activations.rowCount
        sums[name] = entry
      }
    }
  }

  var entries: [String: ImportanceMatrix.Entry] {
    sums.withLock { sums in
      sums.mapValues { ImportanceMatrix.Entry(sums: $0.squares.map { Float($0) }, counts: [Float($0.rowCount)]) }
    }
  }
}
