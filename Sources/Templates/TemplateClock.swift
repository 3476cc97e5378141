#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The local time a template may print with `strftime_now`. It is injected, so that a rendering can be repeated.
public struct TemplateClock: Sendable {
  private let now: @Sendable () -> tm

  /// The machine's clock, in its time zone.
  public static let system = TemplateClock {
    var seconds = time(nil)
    var fields = tm()
    localtime_r(&seconds, &fields)
    return fields
  }

  /// A clock that stands still. Fields outside their range are carried over (month 13 is next year's January).
  public static func fixed(
    year: Int32, month: Int32, day: Int32, hour: Int32 = 0, minute: Int32 = 0, second: Int32 = 0
  ) -> TemplateClock {
    TemplateClock {
      var fields = tm()
      fields.tm_year = year &- 1900
      fields.tm_mon = month &- 1
      fields.tm_mday = day
      fields.tm_hour = hour
      fields.tm_min = minute
      fields.tm_sec = second
      // Fills in the weekday and the day of the year, without a time zone.
      _ = timegm(&fields)
      return fields
    }
  }

  private init(_ now: @escaping @Sendable () -> tm) { self.now = now }

  /// The time in the notation of C's `strftime`, or nil when the result is longer than any date.
  func formatted(_ format: String) -> String? {
    // strftime answers 0 both for an empty result and for one that does not fit: a sentinel tells them apart.
    var fields = now()
    let capacity = 1024
    var buffer = [CChar](repeating: 0, count: capacity)
    let count = strftime(&buffer, capacity, format + "|", &fields)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<(count - 1)].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
