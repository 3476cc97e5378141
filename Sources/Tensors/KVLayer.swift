import KingletErrors
import KingletKernels

/// The keys and values of one layer for one sequence, in pages of 256 absolute positions.
///
/// A page is also the partition in which attention is summed. Pages are allocated when a position first falls into them,
/// so storage grows as needed; pages that no query will see again are used anew.
public final class KVLayer {
  public let headCount: Int
  let layout: KVPageLayout
  /// Positions a query sees, itself included; nil for all.
  public let window: Int?
  private let store: KVPageStore
  private var pages: [UnsafeMutableRawPointer?] = []
  private var spare: [UnsafeMutableRawPointer] = []
  /// The first position still held.
  private(set) var firstPosition = 0

  /// - Parameter store: where pages come from; shared by the layers of a cache.
  public init(headCount: Int, headSize: Int, type: KVElement, window: Int?, store: KVPageStore = KVPageStore()) {
    self.store = store
    self.headCount = headCount
    self.window = window
    layout = KVPageLayout(headSize: headSize, type: type)
  }

  /// Positions kept beyond the window, so that the last tokens can be taken back.
  private static let slack = KVPageLayout.positions

  /// Bytes of a page: all heads.
  private var pageByteCount: Int { headCount * layout.byteCount }

  /// Bytes that `count` positions take, appended `chunk` at a time; `Int.max` where they are more than that.
  public func byteCount(positions count: Int, chunk: Int) -> Int {
    let extra = Self.slack + KVPageLayout.positions
    var held = count
    if let window, window < count, chunk < count - window, extra < count - window - chunk {
      held = window + chunk + extra
    }
    let pages = held / KVPageLayout.positions + (held % KVPageLayout.positions > 0 ? 1 : 0)
    let (bytes, overflow) = pages.multipliedReportingOverflow(by: pageByteCount)
    return overflow ? .max : bytes
  }

  /// Bytes of the keys and values that a query at `position` sees.
  public func byteCountSeen(from position: Int) -> Int {
    min(position + 1, window ?? Int.max) * pageByteCount / KVPageLayout.positions
  }

  /// Makes room for positions up to `end`.
  ///
  /// - Throws: `.outOfMemory`; what is there already stays as it is.
  public func reserve(upTo end: Int) throws(KingletError) {
    let needed = (end + KVPageLayout.positions - 1) / KVPageLayout.positions
    while pages.count < needed {
      if let page = spare.popLast() {
        pages.append(page)
      } else {
        pages.append(try store.take(pageByteCount))
      }
    }
  }

  /// Drops pages that no query from position `next` on will see, slack aside.
  public func dropPages(before next: Int) {
    guard let window else { return }
    let firstSeen = max(0, next - window + 1 - Self.slack)
    let oldest = firstPosition / KVPageLayout.positions
    let firstPage = max(oldest, min(firstSeen / KVPageLayout.positions, pages.count))
    for index in oldest..<firstPage {
      if let page = pages[index] { spare.append(page) }
      pages[index] = nil
    }
    firstPosition = firstPage * KVPageLayout.positions
  }

  /// Forgets positions from `count` on. False when a query at `count` would miss positions that are gone already; the
  /// layer is then empty.
  public func truncate(to count: Int) -> Bool {
    if let window, firstPosition > max(0, count - window + 1) {
      reset()
      return false
    }
    let kept = (count + KVPageLayout.positions - 1) / KVPageLayout.positions
    while pages.count > kept {
      if let page = pages.removeLast() { spare.append(page) }
    }
    return true
  }

  public func reset() {
    spare.append(contentsOf: pages.compactMap { $0 })
    pages.removeAll()
    firstPosition = 0
  }

  /// The page that holds `position`, for one head. Only for positions that are held.
  func page(_ index: Int, head: Int) -> UnsafeMutableRawPointer? {
    guard index < pages.count, let page = pages[index] else { return nil }
    return page + head * layout.byteCount
  }
}
