import Foundation

/// Elements that end where readable memory ends: touching one too many stops the test at the culprit, which no sentinel
/// could do for reads. What lies before the first element is watched by `isIntact`.
///
/// Bind it to a variable while `pointer` is in use: a temporary may be gone before the call it was made for.
public final class Fenced<Element: BitwiseCopyable> {
  public let pointer: UnsafeMutablePointer<Element>
  public let count: Int
  private let region: UnsafeMutableRawPointer
  private let regionByteCount: Int
  private static var sentinel: UInt8 { 0xA5 }

  public init(_ values: [Element]) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let byteCount = values.count * MemoryLayout<Element>.stride
    count = values.count
    let body = (byteCount + 64 + page - 1) / page * page
    regionByteCount = body + page
    guard
      let region = mmap(nil, regionByteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
      region != MAP_FAILED, mprotect(region + body, page, PROT_NONE) == 0
    else { preconditionFailure("no memory for a test") }
    self.region = region
    memset(region, Int32(Self.sentinel), body)
    pointer = (region + body - byteCount).bindMemory(to: Element.self, capacity: count)
    values.withUnsafeBufferPointer { source in
      if let source = source.baseAddress { pointer.initialize(from: source, count: count) }
    }
  }

  public convenience init(repeating value: Element, count: Int) { self.init(Array(repeating: value, count: count)) }

  deinit { munmap(region, regionByteCount) }

  public var values: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// Whether nobody wrote before the first element.
  public var isIntact: Bool {
    let before = UnsafeRawBufferPointer(start: region, count: UnsafeRawPointer(pointer) - UnsafeRawPointer(region))
    return before.allSatisfy { $0 == Self.sentinel }
  }
}
