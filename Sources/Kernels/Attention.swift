/// The arguments of `KernelTable.appendKeyValue`.
///
/// Positions of one block of 16 must not be appended at once: tables may write a neighbour's element back.
public struct KVAppend {
  public let layout: KVPageLayout
  public let page: UnsafeMutableRawPointer
  /// Position within the page.
  public let slot: Int
  public let key: UnsafePointer<Float>
  public let value: UnsafePointer<Float>

  public init(
    layout: KVPageLayout, page: UnsafeMutableRawPointer, slot: Int, key: UnsafePointer<Float>,
    value: UnsafePointer<Float>
  ) {
    self.layout = layout
    self.page = page
    self.slot = slot
    self.key = key
    self.value = value
  }
}

/// The arguments of `KernelTable.attendPage`: `queryCount` scaled queries `[queryCount, headSize]` over one page.
///
/// Query i sees the slots `lower[i] ..< upper[i]`. Its result goes to `out + i * resultStride` as
/// `[output x valueStride][maximum, sum, …]` with the output not yet divided by the sum; a query that sees nothing gets
/// zeros, -infinity and 0.
public struct PageAttention {
  public let layout: KVPageLayout
  public let page: UnsafeRawPointer
  public let queries: UnsafePointer<Float>
  public let queryCount: Int
  public let lower: UnsafePointer<Int32>
  public let upper: UnsafePointer<Int32>
  /// What is taken off the scores; nil for nothing.
  public let bias: LinearBias?
  /// Scratch: `[queryCount, 256]`.
  public let scores: UnsafeMutablePointer<Float>
  /// Scratch of `workspaceByteCount`, at the beginning of a cache line: what a table makes of queries and weights.
  public let workspace: UnsafeMutableRawPointer
  public let out: UnsafeMutablePointer<Float>
  /// The keys that are probably read next: the first of them may be fetched.
  public let upcoming: KeyStreams?

  /// Floats from one query's result to the next.
  public static func resultStride(_ layout: KVPageLayout) -> Int { layout.valueStride + 16 }

  /// Bytes of workspace for any number of queries.
  ///
  /// Room for a page of keys or values as floats, or for queries and weights rounded to 16 bits, eight at a time.
  public static func workspaceByteCount(_ layout: KVPageLayout) -> Int {
    KVPageLayout.positions * layout.groups * 32 * MemoryLayout<Float>.stride
  }

  public init(
    layout: KVPageLayout, page: UnsafeRawPointer, queries: UnsafePointer<Float>, queryCount: Int,
    lower: UnsafePointer<Int32>, upper: UnsafePointer<Int32>, bias: LinearBias? = nil,
    scores: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutableRawPointer, out: UnsafeMutablePointer<Float>, upcoming: KeyStreams? = nil
  ) {
    self.layout = layout
    self.page = page
    self.queries = queries
    self.queryCount = queryCount
    self.lower = lower
    self.upper = upper
    self.bias = bias
    self.scores = scores
    self.workspace = workspace
    self.out = out
    self.upcoming = upcoming
  }
}

/// Attention with linear biases (Press et al. 2022) to both sides: query i loses `slopes[i]` for every position between it
/// and what it looks at.
public struct LinearBias {
  public let slopes: UnsafePointer<Float>
  /// The slot where each query itself stands, counted from the beginning of the page; it may lie in another.
  public let slots: UnsafePointer<Int32>

  public init(slopes: UnsafePointer<Float>, slots: UnsafePointer<Int32>) {
    self.slopes = slopes
    self.slots = slots
  }
}
