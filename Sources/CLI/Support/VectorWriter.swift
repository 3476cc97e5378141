import Kinglet

/// Writes vectors as they come, so that memory does not grow with their number.
protocol VectorWriter: AnyObject {
  func write(_ embedding: Embedding) throws(KingletError)
  /// Ends the output, early where Ctrl-C has stopped the work: what has been written is to be of use.
  func finish(isInterrupted: Bool) throws(KingletError)
}

/// A vector on each line.
final class TextVectorWriter: VectorWriter {
  /// Numbers of a line where an embedding is several vectors; nil for one.
  private let width: Int?
  init(width: Int?) { self.width = width }

  func write(_ embedding: Embedding) throws(KingletError) {
    for vector in embedding.rows(width) {
      try standardOutput(vector.map { "\($0)" }.joined(separator: " ") + "\n")
    }
  }

  func finish(isInterrupted: Bool) {}
}

/// One JSON object, written piece by piece.
final class JSONVectorWriter: VectorWriter {
  private let width: Int?
  private var dimensions = 0
  private var tokenCounts: [Int] = []
  private var droppedTokenCounts: [Int] = []

  init(width: Int?) { self.width = width }

  func write(_ embedding: Embedding) throws(KingletError) {
    let rows = embedding.rows(width).map { "[" + $0.map { "\($0)" }.joined(separator: ",") + "]" }
    dimensions = width ?? embedding.vector.count
    let element = width == nil ? rows.joined() : "[" + rows.joined(separator: ",") + "]"
    try standardOutput((tokenCounts.isEmpty ? "{\"embeddings\":[\n" : ",\n") + element)
    tokenCounts.append(embedding.tokenCount)
    droppedTokenCounts.append(embedding.droppedTokenCount)
  }

  func finish(isInterrupted: Bool) throws(KingletError) {
    func list(_ counts: [Int]) -> String { "[" + counts.map { "\($0)" }.joined(separator: ",") + "]" }
    try standardOutput(
      (tokenCounts.isEmpty ? "{\"embeddings\":[" : "\n") + "],\n\"dimensions\":\(dimensions),\n\"token_counts\":"
        + list(tokenCounts) + ",\n\"dropped_token_counts\":" + list(droppedTokenCounts)
        + (isInterrupted ? ",\n\"interrupted\":true" : "") + "}\n")
  }
}

/// Raw floats in a file or a pipe.
final class BinaryVectorWriter: VectorWriter {
  private let file: OutputFile
  init(path: String) throws(KingletError) { file = try OutputFile(path: path) }
  func write(_ embedding: Embedding) throws(KingletError) { try file.write(embedding.vector) }
  func finish(isInterrupted: Bool) throws(KingletError) { try file.finish() }
}

extension Embedding {
  /// The vectors, one unless every token has its own.
  fileprivate func rows(_ width: Int?) -> [ArraySlice<Float>] {
    guard let width, width > 0 else { return [vector[...]] }
    return stride(from: 0, to: vector.count, by: width).map { vector[$0..<min(vector.count, $0 + width)] }
  }
}
