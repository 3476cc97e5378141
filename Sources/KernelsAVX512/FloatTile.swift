import CIntrinsics

// The register tiles of float weights: some panels of 16 rows by some tokens, composed of pairs.

/// How weights lie in a panel.
protocol FloatFormat: SendableMetatype {
  static var byteCount: Int { get }
  /// Whether weights have to be widened.
  static var isHalf: Bool { get }
  /// Sixteen weights.
  static func load(_ weights: UnsafeRawPointer) -> Floats
}

enum Singles: FloatFormat {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static var isHalf: Bool { false }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats { loadFloats(weights, 0) }
}

enum Halves: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isHalf: Bool { true }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats { loadHalves(weights, 0) }
}

enum BrainFloats: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isHalf: Bool { true }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats {
    let bits = _mm256_loadu_si256(weights.assumingMemoryBound(to: __m256i_u.self))
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))
  }
}

/// A sum, or a weight of one column, for each row of some panels.
protocol PanelRows {
  static var count: Int { get }
  init()
  init(_ sums: UnsafePointer<Float>)
  init<Format: FloatFormat>(_: Format.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int)
  /// `self += weights * x`
  mutating func add(_ weights: Self, _ x: Floats)
  func store(_ out: UnsafeMutablePointer<Float>)
  /// Asks for some bytes of each panel.
  static func fetch(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int)
  /// The same into the second-level cache only.
  static func fetchLater(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int)
}

struct OnePanel: PanelRows {
  @inline(__always) static var count: Int { 1 }
  var rows: Floats
  @inline(__always) init() { rows = _mm512_setzero_ps() }
  @inline(__always) init(_ sums: UnsafePointer<Float>) { rows = _mm512_loadu_ps(sums) }
  @inline(__always) init<Format: FloatFormat>(_: Format.Type, _ weights: UnsafeRawPointer, _: Int) {
    rows = Format.load(weights)
  }
  @inline(__always) mutating func add(_ weights: Self, _ x: Floats) { rows = _mm512_fmadd_ps(weights.rows, x, rows) }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>) { _mm512_storeu_ps(out, rows) }
  @inline(__always) static func fetch(_ weights: UnsafeRawPointer, _: Int, _ byteCount: Int) {
    prefetch(weights, byteCount)
  }
  @inline(__always) static func fetchLater(_ weights: UnsafeRawPointer, _: Int, _ byteCount: Int) {
    prefetchLater(weights, byteCount)
  }
}

struct PanelPair<First: PanelRows, Second: PanelRows>: PanelRows {
  @inline(__always) static var count: Int { First.count &+ Second.count }
  var first: First
  var second: Second
  @inline(__always) init() {
    first = First()
    second = Second()
  }
  @inline(__always) init(_ sums: UnsafePointer<Float>) {
    first = First(sums)
    second = Second(sums + 16 &* First.count)
  }
  @inline(__always)
  init<Format: FloatFormat>(_ format: Format.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int) {
    first = First(format, weights, panelByteCount)
    second = Second(format, weights + First.count &* panelByteCount, panelByteCount)
  }
  @inline(__always) mutating func add(_ weights: Self, _ x: Floats) {
    first.add(weights.first, x)
    second.add(weights.second, x)
  }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>) {
    first.store(out)
    second.store(out + 16 &* First.count)
  }
  @inline(__always) static func fetch(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int) {
    First.fetch(weights, panelByteCount, byteCount)
    Second.fetch(weights + First.count &* panelByteCount, panelByteCount, byteCount)
  }
  @inline(__always) static func fetchLater(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int) {
    First.fetchLater(weights, panelByteCount, byteCount)
    Second.fetchLater(weights + First.count &* panelByteCount, panelByteCount, byteCount)
  }
}

typealias TwoPanels = PanelPair<OnePanel, OnePanel>
typealias ThreePanels = PanelPair<TwoPanels, OnePanel>
typealias FourPanels = PanelPair<TwoPanels, TwoPanels>

/// The sums of some panels for some tokens.
protocol FloatSums {
  associatedtype Panels: PanelRows
  static var width: Int { get }
  init()
  init(_ out: UnsafePointer<Float>, stride: Int)
  /// Adds the products with one column of each token.
  mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>)
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int)
}

struct OneFloatToken<Panels: PanelRows>: FloatSums {
  @inline(__always) static var width: Int { 1 }
  var sums: Panels
  @inline(__always) init() { sums = Panels() }
  @inline(__always) init(_ out: UnsafePointer<Float>, stride: Int) { sums = Panels(out) }
  @inline(__always)
  mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>) { sums.add(weights, _mm512_set1_ps(x.pointee)) }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, stride: Int) { sums.store(out) }
}

struct TokenPair<Half: FloatSums>: FloatSums {
  typealias Panels = Half.Panels
  @inline(__always) static var width: Int { Half.width &* 2 }
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }
  @inline(__always) init(_ out: UnsafePointer<Float>, stride: Int) {
    first = Half(out, stride: stride)
    second = Half(out + Half.width &* stride, stride: stride)
  }
  @inline(__always) mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>) {
    first.add(weights, x)
    second.add(weights, x + Half.width)
  }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    first.store(out, stride: stride)
    second.store(out + Half.width &* stride, stride: stride)
  }
}

typealias TwoFloatTokens<Panels: PanelRows> = TokenPair<OneFloatToken<Panels>>
typealias FourFloatTokens<Panels: PanelRows> = TokenPair<TwoFloatTokens<Panels>>
typealias EightFloatTokens<Panels: PanelRows> = TokenPair<FourFloatTokens<Panels>>
