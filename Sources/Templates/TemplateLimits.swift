/// What compiling and rendering a template may consume.
///
/// Every limit counts something that depends on the template and its input only, never on time, so a template that
/// renders here renders everywhere. Of 65 published chat templates none takes more than 5,000 steps, 100 kB and 30
/// levels for a conversation of a few turns with tools, and all but one (which looks back over all messages at every
/// message) render 4,001 messages of 1 kB within the defaults. These keep a hostile template below about a second,
/// 150 MB and 384 kB of stack.
public struct TemplateLimits: Sendable, Equatable {
  /// Bytes of template source.
  public var maximumSourceBytes: Int
  /// Levels of nested blocks, parentheses and operators in the source.
  public var maximumSyntaxNesting: Int
  /// Levels of nested evaluation: expressions in expressions, blocks in blocks, macros that call macros. Each level
  /// costs stack, so raise it only where the thread's stack is known to be large.
  public var maximumDepth: Int
  /// Levels of containers within containers.
  public var maximumValueDepth: Int
  /// Steps: an expression, a statement or an element visited, or a few bytes of text examined.
  public var maximumSteps: Int
  /// Bytes of the largest single text or list.
  public var maximumValueBytes: Int
  /// Bytes of all texts and lists made while rendering, the output included; what is freed is not given back.
  public var maximumTotalBytes: Int

  /// Limits that no published template comes near.
  public static let `default` = TemplateLimits()

  public init(
    maximumSourceBytes: Int = 1 << 20, maximumSyntaxNesting: Int = 100, maximumDepth: Int = 400,
    maximumValueDepth: Int = 100, maximumSteps: Int = 3_000_000, maximumValueBytes: Int = 8 << 20,
    maximumTotalBytes: Int = 96 << 20
  ) {
    self.maximumSourceBytes = maximumSourceBytes
    self.maximumSyntaxNesting = maximumSyntaxNesting
    self.maximumDepth = maximumDepth
    self.maximumValueDepth = maximumValueDepth
    self.maximumSteps = maximumSteps
    self.maximumValueBytes = maximumValueBytes
    self.maximumTotalBytes = maximumTotalBytes
  }
}
