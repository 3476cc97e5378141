import KingletTestSupport

@testable import KingletKernels

/// Tokens rounded to int8 by a table, in tiles as `Compute.prepare` makes them, and read back field by field.
struct RoundedTokens {
  let count: Int
  let columns: Int
  let memory: Fenced<UInt8>

  /// - Parameter x: `[count, columns]`.
  init(_ x: [Float], count: Int, by table: KernelTable) {
    self.count = count
    columns = x.count / count
    memory = Fenced(repeating: 0xEE, count: count * ActivationLayout.byteCount(columns: columns))
    for token in 0..<count {
      let source = Fenced(Array(x[token * columns..<(token + 1) * columns]))
      let place = place(of: token)
      table.quantizeActivations(source.pointer, columns, memory.pointer + place.offset, place.width, place.slot)
    }
  }

  struct Place {
    let offset: Int
    let width: Int
    let slot: Int
  }

  func place(of token: Int) -> Place {
    var first = 0
    while true {
      let width = ActivationLayout.tileWidth(at: first, of: count)
      if token < first + width {
        return Place(
          offset: ActivationLayout.tileOffset(at: first, columns: columns), width: width, slot: token - first)
      }
      first += width
    }
  }

  /// The tile that begins at a token.
  func tile(at first: Int) -> (pointer: UnsafeRawPointer, width: Int) {
    let place = place(of: first)
    return (UnsafeRawPointer(memory.pointer + place.offset), place.width)
  }

  private func load<T>(_: T.Type, _ token: Int, _ column: Int, _ offset: (Place) -> Int) -> T {
    let place = place(of: token)
    let record = place.offset + column / 32 * place.width * ActivationLayout.byteCount(columns: 32)
    return UnsafeRawPointer(memory.pointer).loadUnaligned(fromByteOffset: record + offset(place), as: T.self)
  }

  func q(_ token: Int, _ column: Int) -> Int8 { load(Int8.self, token, column) { 32 * $0.slot + column % 32 } }

  func scale(_ token: Int, _ column: Int) -> Float {
    load(Float.self, token, column) { ActivationLayout.scaleOffset($0.width, $0.slot) + column % 32 / 16 * 4 }
  }

  /// The sum of the q of the eight columns from `column` on.
  func pairSum(_ token: Int, _ column: Int) -> Int16 {
    load(Int16.self, token, column) { ActivationLayout.pairSumOffset($0.width, $0.slot) + column % 32 / 8 * 2 }
  }

  /// The float sum of the 32 columns from `column` on.
  func sum(_ token: Int, _ column: Int) -> Float {
    load(Float.self, token, column) { ActivationLayout.sumOffset($0.width, $0.slot) }
  }

  /// Of each 16 columns.
  func scales(_ token: Int) -> [Double] { stride(from: 0, to: columns, by: 16).map { Double(scale(token, $0)) } }

  /// `-integerBase` times the scale of 16 columns.
  func shift(_ token: Int, _ column: Int) -> Float {
    load(Float.self, token, column) { ActivationLayout.shiftOffset($0.width, $0.slot) + column % 32 / 16 * 4 }
  }

  /// The shifts of 32 columns together.
  func bothShifts(_ token: Int, _ column: Int) -> Float {
    load(Float.self, token, column) { ActivationLayout.bothShiftsOffset($0.width, $0.slot) }
  }

  /// What the rounding left of a token.
  func values(_ token: Int) -> [Double] {
    (0..<columns).map { Double(q(token, $0)) * Double(scale(token, $0)) }
  }
}
