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
@inline(__always) func recordByteCount(_ width: Int) -> Int { width &* 52 }

/// `panelCount` panels times one tile of tokens: `out[t * stride + 16 p + r]`.
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
      Format.addBlock(block, records, &group)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    group.store(out + panel &* 16, stride: stride)
    panel &+= 1
  }
}

/// The same for a single token, which is bound by memory: four panels side by side.
///
/// A core that reads one stream leaves a sixth of what four streams get from memory, and the processor's own prefetcher
/// stops at the end of each page: so there are four, each asked for a page ahead. SmolLM2 Q4_1 on two cores, medians
/// taken in turn: asking ahead brought 16.1 to 18.3 GB/s, and in another, busier hour four streams 148 to 172 tokens/s.
@inline(__always)
func multiplyStreams<Format: PanelFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let blockCount = columns / Format.blockColumns
  let panelByteCount = blockCount &* Format.blockByteCount
  let recordStep = Format.blockColumns / 32 &* recordByteCount(1)
  var panel = 0
  while panel &+ 4 <= panelCount {
    var (sum0, sum1, sum2, sum3) = (OneToken(), OneToken(), OneToken(), OneToken())
    var block = panels + panel &* panelByteCount
    var records = tile
    var remaining = blockCount
    while remaining > 0 {
      addAhead(format, block, records, &sum0)
      addAhead(format, block + panelByteCount, records, &sum1)
      addAhead(format, block + 2 &* panelByteCount, records, &sum2)
      addAhead(format, block + 3 &* panelByteCount, records, &sum3)
      block += Format.blockByteCount
      records += recordStep
      remaining &-= 1
    }
    sum0.store(out + panel &* 16, stride: stride)
    sum1.store(out + panel &* 16 + 16, stride: stride)
    sum2.store(out + panel &* 16 + 32, stride: stride)
    sum3.store(out + panel &* 16 + 48, stride: stride)
    panel &+= 4
  }
  let rest = panels + panel &* panelByteCount
  multiplyPanels(format, OneToken.self, rest, panelCount &- panel, columns, tile, out + panel &* 16, stride)
}

@inline(__always)
private func addAhead<Format: PanelFormat>(
  _: Format.Type, _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ sum: inout OneToken
) {
  prefetch(block + prefetchDistance, Format.blockByteCount)
  Format.addBlock(block, records, &sum)
}

/// How far ahead of its use a weight is asked for, in bytes.
private let prefetchDistance = 4096

@inline(__always)
func prefetch(_ address: UnsafeRawPointer, _ byteCount: Int) {
  var offset = 0
  while offset < byteCount {
    kinglet512_prefetch(address + offset)
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
  default: multiplyStreams(format, panels, panelCount, columns, tile, out, stride)
  }
}

@inline(__always)
func lowNibble(_ bytes: Integers) -> Integers { _mm512_and_si512(bytes, _mm512_set1_epi8(0x0F)) }

@inline(__always)
func highNibble(_ bytes: Integers) -> Integers {
  _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0F))
}
