/// The arguments of a call, evaluated.
struct Arguments {
  var positional: [JinjaValue] = []
  var named: [(name: String, value: JinjaValue)] = []

  /// Sorted into `parameters`, as Python binds the arguments of a function; an error when there are too many or one has
  /// an unknown name.
  func bound(to parameters: String..., of function: String) throws(TemplateError) -> BoundArguments {
    guard positional.count <= parameters.count else {
      throw .type("\(function)() takes at most \(parameters.count) arguments (\(positional.count) given)")
    }
    var values: [JinjaValue?] = positional
    values += Array(repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let position = parameters.firstIndex(of: name), values[position] == nil else {
        throw .type("\(function)() got an unexpected keyword argument '\(name)'")
      }
      values[position] = value
    }
    return BoundArguments(function: function, parameters: parameters, values: values)
  }
}

/// Arguments in the order of a function's parameters.
struct BoundArguments {
  let function: String
  let parameters: [String]
  let values: [JinjaValue?]

  subscript(position: Int) -> JinjaValue? { values[position] }

  /// An argument that must be given.
  func required(_ position: Int) throws(TemplateError) -> JinjaValue {
    guard let value = values[position] else {
      throw .type("\(function)() missing 1 required positional argument: '\(parameters[position])'")
    }
    return value
  }

  /// An integer; nil when it is not given, or none.
  func integer(_ position: Int) throws(TemplateError) -> Int? {
    switch values[position] {
    case nil, .some(.none): return nil
    case .undefined(let undefined): throw undefined.error
    case .some(let value):
      guard let integer = value.integer else { throw wrongType(position, value, wanted: "an integer") }
      return integer
    }
  }

  /// An integer that must be given.
  func requiredInteger(_ position: Int) throws(TemplateError) -> Int {
    guard let integer = try integer(position) else {
      throw wrongType(position, try required(position), wanted: "an integer")
    }
    return integer
  }

  /// A text; nil when it is not given, or none.
  func text(_ position: Int) throws(TemplateError) -> String? {
    switch values[position] {
    case nil, .some(.none): return nil
    case .undefined(let undefined): throw undefined.error
    case .some(let value):
      guard let text = value.text else { throw wrongType(position, value, wanted: "a string") }
      return text
    }
  }

  /// A text that must be given.
  func requiredText(_ position: Int) throws(TemplateError) -> String {
    guard let text = try text(position) else { throw wrongType(position, try required(position), wanted: "a string") }
    return text
  }

  /// Whether an argument is given and counts as true.
  func flag(_ position: Int) -> Bool { values[position]?.isTrue ?? false }

  private func wrongType(_ position: Int, _ value: JinjaValue, wanted: String) -> TemplateError {
    .type("\(function)() argument '\(parameters[position])' must be \(wanted), not \(value.typeName)")
  }
}
