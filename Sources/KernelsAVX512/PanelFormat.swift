import CIntrinsics

/// A weight type as panels of 16 interleaved rows: how a block of columns becomes unsigned bytes, scales and offsets.
///
/// The product itself is written once, in `multiplyPanels`, and specialised for each format and token group.
protocol PanelFormat: SendableMetatype {
  /// Columns of one block: 32, or 256 for the K types.
  static var blockColumns: Int { get }
  /// Bytes of one block of a panel (16 rows).
  static var blockByteCount: Int { get }
  /// What its unpacked weights are multiplied as.
  associatedtype Part: PartKind
  /// Adds the product of one block with the records at `records` to the tokens' sums.
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group)
}

/// Bytes of a record of `width` tokens (32 columns).
@inline(__always) func recordByteCount(_ width: Int) -> Int { width &* 64 }

/// `panelCount` panels times one tile of tokens: `out[t * stride + 16 p + r]`.
///
/// With eight tokens, as with eight sequences at once, memory still takes as long as the arithmetic: weights are asked for
/// ahead.
@inline(__always)
func multiplyPanels<Format: PanelFormat, Group: TokenSums>(
  _: Format.Type, _: Group.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int,
  _ tile: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let blockCount = columns / Format.blockColumns
  let recordStep = Format.blockColumns / 32 &* recordByteCount(Group.width)
  var block = panels
  var panel = 0
  while panel < panelCount {
    var group = Group()
    var records = tile
    var remaining = blockCount
    while remaining > 0 {
      prefetch(block + prefetchDistance(Format.self), Format.blockByteCount)
      Format.addBlock(block, records, &group)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    group.store(out + panel &* 16, stride: stride)
    panel &+= 1
  }
}

/// The same for a single token, which is bound by memory: four panels side by side, and what remains by two and one.
///
/// A core that reads one stream leaves a sixth of what four streams get from memory, and the processor's own prefetcher
/// stops at the end of each page: so there are four, each asked for a page ahead.
@inline(__always)
func multiplyStreams<Format: PanelFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer,
  _ out: UnsafeMutablePointer<Float>
) {
  typealias One = PanelStream<Format>
  let blockCount = columns / Format.blockColumns
  let panelByteCount = blockCount &* Format.blockByteCount
  let whole = panelCount & ~3
  multiplyStreams(StreamPair<StreamPair<One>>.self, panels, whole, blockCount, tile, out)
  let pair = panels + whole &* panelByteCount
  multiplyStreams(StreamPair<One>.self, pair, panelCount & 2, blockCount, tile, out + whole &* 16)
  let last = panelCount & ~1
  multiplyStreams(One.self, panels + last &* panelByteCount, panelCount & 1, blockCount, tile, out + last &* 16)
}

@inline(__always)
private func multiplyStreams<Streams: PanelStreams>(
  _: Streams.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ blockCount: Int, _ tile: UnsafeRawPointer,
  _ out: UnsafeMutablePointer<Float>
) {
  typealias Format = Streams.Format
  let panelByteCount = blockCount &* Format.blockByteCount
  let recordStep = Format.blockColumns / 32 &* recordByteCount(1)
  let ahead = prefetchDistance(Format.self)
  var panel = 0
  while panel < panelCount {
    var streams = Streams()
    var block = panels + panel &* panelByteCount
    var records = tile
    var remaining = blockCount
    while remaining > 0 {
      // A stream goes on in the next group of panels, past those of the other streams.
      let isBeyond = ahead >= remaining &* Format.blockByteCount
      streams.addBlock(
        block, panelByteCount, ahead: isBeyond ? ahead &+ (Streams.count &- 1) &* panelByteCount : ahead, records)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    streams.store(out + panel &* 16)
    panel &+= Streams.count
  }
}

/// Panels that a token meets side by side.
private protocol PanelStreams {
  associatedtype Format: PanelFormat
  static var count: Int { get }
  init()
  /// Adds the products with a block of each panel, the first of which is at `block`, and asks for what lies `ahead` bytes
  /// further on.
  mutating func addBlock(_ block: UnsafeRawPointer, _ panelByteCount: Int, ahead: Int, _ records: UnsafeRawPointer)
  func store(_ out: UnsafeMutablePointer<Float>)
}

private struct StreamPair<Half: PanelStreams>: PanelStreams {
  typealias Format = Half.Format
  @inline(__always) static var count: Int { Half.count &* 2 }
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }

  @inline(__always)
  mutating func addBlock(_ block: UnsafeRawPointer, _ panelByteCount: Int, ahead: Int, _ records: UnsafeRawPointer) {
    first.addBlock(block, panelByteCount, ahead: ahead, records)
    second.addBlock(block + Half.count &* panelByteCount, panelByteCount, ahead: ahead, records)
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) {
    first.store(out)
    second.store(out + Half.count &* 16)
  }
}

private struct PanelStream<Format: PanelFormat>: PanelStreams {
  @inline(__always) static var count: Int { 1 }
  var token = OneToken()
  @inline(__always) init() {}

  @inline(__always)
  mutating func addBlock(_ block: UnsafeRawPointer, _ panelByteCount: Int, ahead: Int, _ records: UnsafeRawPointer) {
    var fetching = FetchingToken<Format>(token: token, next: block + ahead)
    Format.addBlock(block, records, &fetching)
    token = fetching.token
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) { token.store(out, stride: 0) }
}

/// A token that asks for as many weights of a later block as it is given, whenever it is given some: all at once they
/// would fill the processor's queue of misses, and what is needed now would wait behind them.
private struct FetchingToken<Format: PanelFormat>: TokenGroup {
  @inline(__always) static var width: Int { 1 }
  var token: OneToken
  var next: UnsafeRawPointer

  @inline(__always)
  private mutating func fetch(columns: Int) {
    let byteCount = Format.blockByteCount &* columns / Format.blockColumns
    prefetch(next, byteCount)
    next += byteCount
  }

  @inline(__always)
  mutating func addAffine(_ w: Weights32, scale: Floats, offset: Floats, _ record: Record) {
    fetch(columns: 32)
    token.addAffine(w, scale: scale, offset: offset, record)
  }

  @inline(__always)
  mutating func addAffine(_ w: HalfWeights, scale: Floats, offset: Floats, _ record: Record) {
    fetch(columns: 16)
    token.addAffine(w, scale: scale, offset: offset, record)
  }

  @inline(__always)
  mutating func addCentred(_ w: HalfWeights, scale: Floats, minusZero: Int16, _ record: Record) {
    fetch(columns: 16)
    token.addCentred(w, scale: scale, minusZero: minusZero, record)
  }
}

/// How far ahead of its use a weight is asked for: a block of 256 columns, or four of 32.
///
/// Measured from 128 bytes to 8 kB, decode on two cores: at 1.5 kB types of 32 columns are fastest, at 2 to 4 kB those of
/// 256. Further than that loses all that is won, more than four streams being under way then.
@inline(__always)
private func prefetchDistance<Format: PanelFormat>(_: Format.Type) -> Int { max(1536, Format.blockByteCount) }

/// Asks for the cache lines that begin in some bytes.
@inline(__always)
func prefetch(_ address: UnsafeRawPointer, _ byteCount: Int) {
  var offset = 0
  while offset < byteCount {
    kinglet512_prefetch(address + offset)
    offset &+= 64
  }
}

/// The same into the second-level cache only.
@inline(__always)
func prefetchLater(_ address: UnsafeRawPointer, _ byteCount: Int) {
  var offset = 0
  while offset < byteCount {
    kinglet512_prefetch2(address + offset)
    offset &+= 64
  }
}

/// The same for a tile whose width (1, 2, 4 or 8) is known at run time only.
@inline(__always)
func multiplyPanels<Format: PanelFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer,
  _ width: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  switch width {
  case 8: multiplyPanels(format, EightTokens.self, panels, panelCount, columns, tile, out, stride)
  case 4: multiplyPanels(format, FourTokens.self, panels, panelCount, columns, tile, out, stride)
  case 2: multiplyPanels(format, TwoTokens.self, panels, panelCount, columns, tile, out, stride)
  default: multiplyStreams(format, panels, panelCount, columns, tile, out)
  }
}

@inline(__always)
func lowNibble(_ bytes: Integers) -> Integers { _mm512_and_si512(bytes, _mm512_set1_epi8(0x0F)) }

@inline(__always)
func highNibble(_ bytes: Integers) -> Integers {
  _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0F))
}
