-- wrk's requests: sales of about 1 KB, each with an id of its own. Set by the environment: path, hash.
local sale = '{"externalId":"%s","saleDefaults":{"reference":"#%s"},"customer":{"firstName":"Test",' ..
  '"lastName":"user","email":"test@user.com"},"lineItems":[{"externalId":"%s-1","name":"line-item-name",' ..
  '"quantity":1,"price":19.90,"taxable":true,"variant":{"externalId":"123"},"properties":[{"key":"note",' ..
  '"value":"' .. string.rep('x', 640) .. '"}]}],"shipping":[{"code":"c","name":"n","price":4.90}],"options":{}}'
local path, number, run = os.getenv('GATEWAY_PATH'), 0, os.time()

function init()
  wrk.method = 'POST'
  wrk.headers['content-type'] = 'application/json'
  wrk.headers['jetti-webhook-hash'] = os.getenv('GATEWAY_HASH')
end

function request()
  number = number + 1
  local key = run .. '-' .. number
  return wrk.format(nil, path, nil, string.format(sale, key, key, key))
end
