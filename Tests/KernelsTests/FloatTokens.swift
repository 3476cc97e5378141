import KingletTestSupport

@testable import KingletKernels

/// Tokens as they are, in tiles as `Compute.prepare` makes them.
struct FloatTokens {
  let count: Int
  let columns: Int
  let values: [Float]
  private let memory: Fenced<Float>

  /// - Parameter x: `[count, columns]`.
  init(_ x: [Float], count: Int) {
    self.count = count
    columns = x.count / count
    values = x
    memory = Fenced(repeating: Float.nan, count: x.count)
    var first = 0
    while first < count {
      let width = ActivationLayout.tileWidth(at: first, of: count)
      let source = Fenced(Array(x[first * columns..<(first + width) * columns]))
      ActivationForm.interleave(source.pointer, columns, columns, memory.pointer + first * columns, width)
      first += width
    }
  }

  func token(_ index: Int) -> ArraySlice<Float> { values[index * columns..<(index + 1) * columns] }

  /// The tile that begins at a token.
  func tile(at first: Int) -> (pointer: UnsafeRawPointer, width: Int) {
    (
      UnsafeRawPointer(memory.pointer + min(first, count) * columns),
      ActivationLayout.tileWidth(at: first, of: count)
    )
  }
}
